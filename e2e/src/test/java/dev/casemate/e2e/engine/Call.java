package dev.casemate.e2e.engine;

import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A command of an engine's client in the making. */
public final class Call {
  /** Generous: the machine may be busy, and a VM's start takes seconds without KVM. */
  public static final int TIMEOUT_SECONDS = Integer.getInteger("engine.timeoutSeconds", 180);

  private final List<String> words;
  private final Map<String, String> environment = new HashMap<>();
  private Optional<byte[]> input = Optional.of(new byte[0]);
  private Optional<OutputStream> sink = Optional.empty();
  private int seconds = TIMEOUT_SECONDS;

  public Call(List<String> words) {
    this.words = new ArrayList<>(words);
  }

  public Call environment(String name, String value) {
    environment.put(name, value);
    return this;
  }

  public Call input(String text) {
    return input(text.getBytes(StandardCharsets.UTF_8));
  }

  public Call input(byte[] bytes) {
    input = Optional.of(bytes);
    return this;
  }

  /** Standard input stays open for {@link Running#type}. */
  public Call openInput() {
    input = Optional.empty();
    return this;
  }

  /** Gets standard output in place of memory. */
  public Call sink(OutputStream stream) {
    sink = Optional.of(stream);
    return this;
  }

  public Call timeout(int newSeconds) {
    seconds = newSeconds;
    return this;
  }

  /** The same command in a terminal of its own. */
  public Call inTerminal() {
    StringBuilder line = new StringBuilder("stty rows 33 cols 99; exec");
    for (String word : words) {
      line.append(" '").append(word.replace("'", "'\\''")).append('\'');
    }
    Call call = new Call(List.of("script", "-qefc", line.toString(), "/dev/null"));
    call.environment.putAll(environment);
    call.input = input;
    return call;
  }

  public Running start() {
    ProcessBuilder builder = new ProcessBuilder(words);
    builder.environment().putAll(environment);
    try {
      return new Running(words, builder.start(), input, sink);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Result run() {
    return start().await(seconds);
  }

  /** Runs it to its end, which must be a good one. */
  public Result ok() {
    return run().expect(0);
  }

  /** Runs it to a good end, and returns what it wrote, without white space around it. */
  public String text() {
    return ok().out().strip();
  }
}
