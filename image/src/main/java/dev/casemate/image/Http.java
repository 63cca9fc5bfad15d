package dev.casemate.image;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The little HTTP/1.1 that pulling needs: GET, one connection a request, over TLS or not, directly
 * or through a proxy. The JDK's client would add megabytes and a thread pool.
 */
final class Http {
  private final RegistryOptions options;
  private final Map<String, String> environment;
  private final Proxies proxies;
  private @Nullable TlsTrust trust;

  Http(RegistryOptions options, Map<String, String> environment) {
    this.options = options;
    this.environment = environment;
    this.proxies = new Proxies(environment);
  }

  private synchronized TlsTrust trust() {
    if (trust == null) {
      trust = TlsTrust.of(options, environment);
    }
    return trust;
  }

  /**
   * Sends a request and reads the answer's head.
   *
   * @throws IOException if that fails; certificates that are not trusted come as SSLException
   */
  HttpResponse get(Url url, Map<String, String> headers) throws IOException {
    Optional<Proxies.Proxy> proxy = proxies.proxy(url);
    Socket socket = connect(url, proxy);
    boolean answered = false;
    try {
      if (url.isTls()) {
        socket = trust().wrap(socket, url.host(), url.port());
      }
      StringBuilder request = new StringBuilder(512).append("GET ");
      boolean absolute = proxy.isPresent() && !url.isTls();
      request.append(absolute ? "http://" + url.authority() + url.target() : url.target());
      request.append(" HTTP/1.1\r\nHost: ").append(url.authority());
      request.append("\r\nUser-Agent: casemate\r\nConnection: close\r\n");
      if (absolute && !proxy.get().authorization().isEmpty()) {
        request.append("Proxy-Authorization: ").append(proxy.get().authorization()).append("\r\n");
      }
      for (Map.Entry<String, String> header : headers.entrySet()) {
        String value = header.getValue();
        if (value.indexOf('\r') >= 0 || value.indexOf('\n') >= 0) {
          throw new IOException("a header for the server contains a line break");
        }
        request.append(header.getKey()).append(": ").append(value).append("\r\n");
      }
      send(socket, request.append("\r\n"));
      HttpResponse response = answer(socket);
      answered = true;
      return response;
    } finally {
      if (!answered) {
        socket.close();
      }
    }
  }

  private static void send(Socket socket, StringBuilder request) throws IOException {
    socket.getOutputStream().write(request.toString().getBytes(StandardCharsets.ISO_8859_1));
    socket.getOutputStream().flush();
  }

  private static HttpResponse answer(Socket socket) throws IOException {
    InputStream in = new BufferedInputStream(socket.getInputStream(), 64 * 1024);
    HttpResponse response = HttpResponse.read(socket, in, true);
    for (int i = 0; response.status() < 200; i++) {
      if (i == 5) {
        throw new IOException("the server sends too many interim responses");
      }
      response = HttpResponse.read(socket, in, true);
    }
    return response;
  }

  private Socket connect(Url url, Optional<Proxies.Proxy> proxy) throws IOException {
    String host = proxy.map(Proxies.Proxy::host).orElse(url.host());
    int port = proxy.map(Proxies.Proxy::port).orElse(url.port());
    Socket socket = new Socket();
    boolean connected = false;
    try {
      InetSocketAddress address = new InetSocketAddress(host, port);
      if (address.isUnresolved()) {
        throw new UnknownHostException("host " + host + " is not known");
      }
      socket.connect(address, options.timeoutMillis());
      socket.setSoTimeout(options.timeoutMillis());
      socket.setTcpNoDelay(true);
      if (proxy.isPresent() && url.isTls()) {
        tunnel(socket, url, proxy.get());
      }
      connected = true;
      return socket;
    } finally {
      if (!connected) {
        socket.close();
      }
    }
  }

  private static void tunnel(Socket socket, Url url, Proxies.Proxy proxy) throws IOException {
    StringBuilder request = new StringBuilder("CONNECT ").append(url.hostAndPort());
    request.append(" HTTP/1.1\r\nHost: ").append(url.hostAndPort()).append("\r\n");
    if (!proxy.authorization().isEmpty()) {
      request.append("Proxy-Authorization: ").append(proxy.authorization()).append("\r\n");
    }
    send(socket, request.append("\r\n"));
    // Unbuffered: what comes after the head belongs to TLS.
    HttpResponse response = HttpResponse.read(socket, socket.getInputStream(), false);
    if (response.status() / 100 != 2) {
      throw new IOException(
          "proxy "
              + proxy.host()
              + ":"
              + proxy.port()
              + " refused with status "
              + response.status());
    }
  }
}
