package dev.casemate.rpc;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Offers services over connections that someone else accepts. Each request runs on a thread of its
 * own, so that a Wait that blocks keeps no State waiting; the threads are daemons, come as needed
 * and go when idle.
 */
public final class TtrpcServer implements AutoCloseable {
  /** Requests in flight on one connection, unless said otherwise. */
  public static final int DEFAULT_MAX_IN_FLIGHT = 256;

  /** Connections at a time: engines have one or two. */
  public static final int MAX_CONNECTIONS = 256;

  private static final int MAX_THREADS = 1024;
  private static final int STACK_BYTES = 512 << 10;
  private static final int IDLE_SECONDS = 10;

  private final Map<String, RpcService> services = new HashMap<>();
  private final int maxInFlight;
  private final ThreadPoolExecutor workers;
  private final AtomicInteger threadNumber = new AtomicInteger();
  private final List<ServerConnection> connections = new ArrayList<>();
  private boolean closed;

  /** A server with {@link #DEFAULT_MAX_IN_FLIGHT}. */
  public TtrpcServer(List<? extends RpcService> services) {
    this(services, DEFAULT_MAX_IN_FLIGHT);
  }

  /**
   * A server without connections.
   *
   * @param services what to offer
   * @param maxInFlight requests of one connection that are carried out at a time; more are answered
   *     with RESOURCE_EXHAUSTED
   */
  public TtrpcServer(List<? extends RpcService> services, int maxInFlight) {
    if (maxInFlight < 1) {
      throw new IllegalArgumentException("maxInFlight is " + maxInFlight + "; expected 1 or more");
    }
    for (RpcService service : services) {
      if (this.services.put(service.name(), service) != null) {
        throw new IllegalArgumentException("two services are called " + service.name());
      }
    }
    this.maxInFlight = maxInFlight;
    this.workers =
        new ThreadPoolExecutor(
            0,
            MAX_THREADS,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            body -> daemon("rpc-worker-" + threadNumber.incrementAndGet(), body));
  }

  /**
   * Serves a connection, unless there are {@link #MAX_CONNECTIONS}, on the calling thread until the
   * client closes it, sends what is not ttrpc, or {@link #close} is called. Closes the channel.
   * Requests under way are carried out to their end; their answers are dropped.
   *
   * @throws MalformedMessageException if the client sent what is not ttrpc
   * @throws RuntimeException if reading failed
   */
  public void serve(Channel channel) {
    if (register(channel) instanceof ServerConnection connection) {
      serve(channel, connection);
    }
  }

  /** Takes a connection, or closes it and returns null. */
  private @Nullable ServerConnection register(Channel channel) {
    synchronized (connections) {
      if (!closed && connections.size() < MAX_CONNECTIONS) {
        ServerConnection connection = new ServerConnection(channel, services, workers, maxInFlight);
        connections.add(connection);
        return connection;
      }
    }
    channel.close();
    return null;
  }

  private void serve(Channel channel, ServerConnection connection) {
    try {
      connection.run();
    } finally {
      synchronized (connections) {
        connections.remove(connection);
      }
      channel.close();
    }
  }

  /**
   * Serves a connection on a daemon thread of its own. Failures end the connection and are not
   * told.
   */
  public void start(Channel channel) {
    ServerConnection connection = register(channel);
    if (connection == null) {
      return;
    }
    Thread thread =
        daemon(
            "rpc-connection",
            () -> {
              try {
                serve(channel, connection);
              } catch (RuntimeException e) {
                // The connection is over and its client knows; there is no one else to tell.
                channel.close();
              }
            });
    try {
      thread.start();
    } catch (OutOfMemoryError e) {
      // The system has no thread left.
      synchronized (connections) {
        connections.remove(connection);
      }
      channel.close();
    }
  }

  /**
   * Waits until every request that came in has been answered, so that the process may end; false if
   * that takes longer than {@code timeoutMillis}.
   */
  public boolean awaitIdle(int timeoutMillis) {
    long deadline = System.nanoTime() + timeoutMillis * 1_000_000L;
    while (workers.getActiveCount() > 0) {
      if (System.nanoTime() > deadline) {
        return false;
      }
      LockSupport.parkNanos(1_000_000);
    }
    return true;
  }

  /** Closes all connections and takes no more. Does not wait for requests under way. */
  @Override
  public void close() {
    List<ServerConnection> open;
    synchronized (connections) {
      closed = true;
      open = new ArrayList<>(connections);
    }
    for (ServerConnection connection : open) {
      connection.close();
    }
    workers.shutdown();
  }

  private static Thread daemon(String name, Runnable body) {
    Thread thread = new Thread(null, body, name, STACK_BYTES);
    thread.setDaemon(true);
    return thread;
  }
}
