package dev.casemate.nativetest;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;

/** The parts of the JDK that need its native libraries. */
final class Libraries {
    private Libraries() {}

    static boolean sha256() throws Exception {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest("abc".getBytes(StandardCharsets.US_ASCII));
        return HexFormat.of().formatHex(digest).equals("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    static boolean secureRandom() {
        byte[] bytes = new byte[32];
        new SecureRandom().nextBytes(bytes);
        return !Arrays.equals(bytes, new byte[32]);
    }

    static boolean gzip() throws Exception {
        byte[] data = "the same again and again ".repeat(1000).getBytes(StandardCharsets.US_ASCII);
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
            out.write(data);
        }
        try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(packed.toByteArray()))) {
            return packed.size() < 1000 && Arrays.equals(in.readAllBytes(), data);
        }
    }

    static boolean unixSocket() throws Exception {
        Path path = Files.createTempDirectory("casemate").resolve("socket");
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(path);
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(address)) {
            Thread client = Thread.ofPlatform().start(() -> {
                try (SocketChannel channel = SocketChannel.open(address)) {
                    channel.write(ByteBuffer.wrap(new byte[] {1, 2, 3}));
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            });
            ByteBuffer received = ByteBuffer.allocate(10);
            try (SocketChannel channel = server.accept()) {
                while (channel.read(received) >= 0) {}
            }
            client.join();
            return received.position() == 3 && received.get(2) == 3;
        } finally {
            Files.delete(path);
            Files.delete(path.getParent());
        }
    }

    static boolean httpClient() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread answering = Thread.ofPlatform().start(() -> answerOnce(server));
            HttpResponse<String> response;
            try (HttpClient client = HttpClient.newHttpClient()) {
                URI uri = URI.create("http://127.0.0.1:" + server.getLocalPort() + "/");
                response = client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
            }
            answering.join();
            return response.statusCode() == 200 && response.body().equals("hello");
        }
    }

    private static void answerOnce(ServerSocket server) {
        try (Socket socket = server.accept()) {
            InputStream in = socket.getInputStream();
            int newlines = 0;
            while (newlines < 2) {
                int c = in.read();
                newlines = c == '\n' ? newlines + 1 : c == '\r' ? newlines : 0;
            }
            socket.getOutputStream().write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".getBytes(StandardCharsets.US_ASCII));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    static boolean tls() throws Exception {
        SSLEngine engine = SSLContext.getDefault().createSSLEngine("localhost", 443);
        engine.setUseClientMode(true);
        ByteBuffer hello = ByteBuffer.allocate(engine.getSession().getPacketBufferSize());
        engine.wrap(ByteBuffer.allocate(0), hello);
        return hello.position() > 100 && hello.get(0) == 22 && Arrays.asList(engine.getEnabledProtocols()).contains("TLSv1.3");
    }

    /** The encoding of file names is that of the builder's environment, unless build-image.sh sees to it. */
    static boolean utf8FileNames() throws Exception {
        Path directory = Files.createTempDirectory("casemate");
        Path file = Files.writeString(directory.resolve("gr\u00fc\u00df-\u6f22"), "x");
        String[] names = directory.toFile().list();
        Files.delete(file);
        Files.delete(directory);
        return names.length == 1 && names[0].equals("gr\u00fc\u00df-\u6f22") && Charset.defaultCharset() == StandardCharsets.UTF_8;
    }

    static boolean resolvesLocalhost() throws Exception {
        return InetAddress.getByName("localhost").isLoopbackAddress();
    }
}
