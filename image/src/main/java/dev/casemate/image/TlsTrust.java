package dev.casemate.image;

import dev.casemate.base.CasemateException;
import dev.casemate.base.CasemateException.Kind;
import dev.casemate.linux.FileContent;
import dev.casemate.linux.Fs;
import dev.casemate.linux.LinuxException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * TLS with the certification authorities of the machine, read when they are needed: the executable
 * brings none. {@code SSL_CERT_FILE} names another bundle, as in OpenSSL.
 */
final class TlsTrust {
  private static final List<String> BUNDLES =
      List.of(
          "/etc/ssl/certs/ca-certificates.crt",
          "/etc/pki/tls/certs/ca-bundle.crt",
          "/etc/ssl/cert.pem");
  private static final int MAX_BUNDLE = 16 << 20;

  private final SSLSocketFactory factory;
  private final boolean verify;

  private TlsTrust(SSLSocketFactory factory, boolean verify) {
    this.factory = factory;
    this.verify = verify;
  }

  static TlsTrust of(RegistryOptions options, Map<String, String> environment) {
    try {
      SSLContext context = SSLContext.getInstance("TLS");
      TrustManager[] managers =
          options.insecure()
              ? new TrustManager[] {new TrustAll()}
              : managers(options.caFile(), environment);
      context.init(null, managers, null);
      return new TlsTrust(context.getSocketFactory(), !options.insecure());
    } catch (GeneralSecurityException | IOException e) {
      throw CasemateException.of(Kind.INTERNAL, "TLS cannot be set up: " + e.getMessage(), e);
    }
  }

  private static TrustManager[] managers(Optional<String> caFile, Map<String, String> environment)
      throws GeneralSecurityException, IOException {
    KeyStore roots = KeyStore.getInstance("PKCS12");
    roots.load(null, null);
    String named = environment.getOrDefault("SSL_CERT_FILE", "");
    if (!named.isEmpty()) {
      add(roots, named, "that SSL_CERT_FILE names");
    } else {
      for (String bundle : BUNDLES) {
        if (Fs.exists(bundle)) {
          add(roots, bundle, "of this machine");
          break;
        }
      }
    }
    if (caFile.isPresent()) {
      add(roots, caFile.get(), "given with --ca-file");
    }
    if (roots.size() == 0) {
      throw CasemateException.of(
          Kind.FAILED_PRECONDITION,
          "this machine has no certification authorities in "
              + BUNDLES.getFirst()
              + "; install package ca-certificates or give a file with --ca-file");
    }
    TrustManagerFactory factory =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(roots);
    return factory.getTrustManagers();
  }

  private static void add(KeyStore roots, String file, String what)
      throws GeneralSecurityException {
    try {
      byte[] pem = FileContent.readBytes(file, MAX_BUNDLE);
      CertificateFactory certificates = CertificateFactory.getInstance("X.509");
      for (Certificate certificate :
          certificates.generateCertificates(new ByteArrayInputStream(pem))) {
        roots.setCertificateEntry("ca-" + roots.size(), certificate);
      }
    } catch (LinuxException | GeneralSecurityException e) {
      throw CasemateException.of(
          Kind.INVALID_ARGUMENT,
          "certificate file "
              + file
              + " "
              + what
              + " cannot be used: "
              + e.getMessage()
              + "; expected certificates in PEM form",
          e);
    }
  }

  /** TLS over a connected socket; the handshake is done when this returns. */
  Socket wrap(Socket plain, String host, int port) throws IOException {
    SSLSocket socket = (SSLSocket) factory.createSocket(plain, host, port, true);
    SSLParameters parameters = socket.getSSLParameters();
    if (verify) {
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
    }
    parameters.setProtocols(new String[] {"TLSv1.3", "TLSv1.2"});
    socket.setSSLParameters(parameters);
    socket.startHandshake();
    return socket;
  }

  /** What {@code --insecure} asks for. */
  private static final class TrustAll extends X509ExtendedTrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }
}
