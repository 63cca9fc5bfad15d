package dev.casemate.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.base.PlainText;
import dev.casemate.linux.Signals;
import dev.casemate.testsupport.Result;
import dev.casemate.testsupport.Running;
import dev.casemate.testsupport.Shell;
import dev.casemate.testsupport.TestRegistry;
import dev.casemate.testsupport.Wait;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Images from everywhere, and what happens if they are damaged or their registry is. */
class ImageTest extends EndToEnd {
  private static final Path LAYOUT = Casemate.FILES.resolve("busybox");
  private static Path directory = Path.of("");

  @BeforeAll
  static void prepare() {
    directory = files("images");
  }

  /** An image with another configuration, so that a test has one that is not in the store yet. */
  private static Path variant(String name, UnaryOperator<Json.Obj> change) {
    Path layout = directory.resolve(name);
    Shell.run("cp -r " + LAYOUT + " " + layout);
    Json.Obj index = Json.parseObject(read(layout.resolve("index.json")));
    Json.Obj entry = index.objects("manifests").getFirst();
    Json.Obj manifest = Json.parseObject(blob(layout, entry));
    Json.Obj config = Json.parseObject(blob(layout, manifest.object("config").orElseThrow()));
    config.put("author", name);
    config.put("config", change.apply(config.object("config").orElseThrow()));
    Json.Obj newConfig = put(layout, manifest.object("config").orElseThrow(), config.text());
    Json.Obj newManifest = put(layout, entry, manifest.put("config", newConfig).text());
    write(layout.resolve("index.json"), index.putObjects("manifests", List.of(newManifest)).text());
    return layout;
  }

  private static Path variant(String name) {
    return variant(name, config -> config);
  }

  private static String blob(Path layout, Json.Obj descriptor) {
    return read(layout.resolve("blobs/sha256/" + descriptor.string("digest").substring(7)));
  }

  private static String manifestDigest(Path layout) {
    Json.Obj index = Json.parseObject(read(layout.resolve("index.json")));
    return index.objects("manifests").getFirst().string("digest");
  }

  /** Adds a blob; returns its descriptor, made from that of another one. */
  private static Json.Obj put(Path layout, Json.Obj like, String text) {
    Path file = write(layout.resolve("blobs/new"), text);
    String hex = Shell.run("sha256sum < " + file).out().substring(0, 64);
    Shell.run("mv " + file + " " + layout + "/blobs/sha256/" + hex);
    int size = text.getBytes(StandardCharsets.UTF_8).length;
    return like.put("digest", "sha256:" + hex).put("size", size);
  }

  private static Path layer(Path layout) {
    try (Stream<Path> blobs = Files.list(layout.resolve("blobs/sha256"))) {
      return blobs.filter(blob -> blob.toFile().length() > 100_000).findFirst().orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void archives() {
    Path archive = directory.resolve("demo.tar");
    Shell.run(
        "skopeo copy -q --insecure-policy " + IMAGE + ":latest oci-archive:" + archive + ":v1");
    Result result = ok("run", "--rm", "oci-archive:" + archive + ":v1", "echo", "from an archive");
    assertThat(result.out()).isEqualTo("from an archive\n");
    Path docker = directory.resolve("docker.tar");
    Shell.run(
        "skopeo copy -q --insecure-policy "
            + IMAGE
            + ":latest docker-archive:"
            + docker
            + ":demo:v2");
    assertThat(ok("run", "--rm", "docker-archive:" + docker, "echo", "docker").out())
        .isEqualTo("docker\n");
    assertThat(ok("images").out()).contains("oci-archive:", "docker-archive:");
    ok("rmi", "oci-archive:" + archive + ":v1", "docker-archive:" + docker);
    assertThat(ok("images").out()).doesNotContain("-archive:");
  }

  @Test
  void whatTheImageSays() {
    Path layout =
        variant(
            "configured",
            config ->
                config
                    .put("User", "nobody")
                    .put("WorkingDir", "/var/tmp")
                    .putStrings("Entrypoint", List.of("/bin/sh", "-c"))
                    .putStrings("Env", List.of("PATH=/bin", "FROM_IMAGE=yes")));
    Result result =
        ok(
            "run",
            "--rm",
            "-e",
            "MORE=1",
            "oci:" + layout,
            "id -un; pwd; echo $FROM_IMAGE $MORE $PATH");
    assertThat(result.out()).isEqualTo("nobody\n/var/tmp\nyes 1 /bin\n");
    ok("rmi", "oci:" + layout);
  }

  @Test
  void imagesWithPeculiarConfigurations() {
    Path none = variant("commandless", config -> without(config, "Cmd", "Entrypoint"));
    fails(125, List.of("run", "--rm", "oci:" + none), "no command");
    Path signal = variant("badsignal", config -> config.put("StopSignal", "NOPE"));
    fails(125, List.of("run", "--rm", "oci:" + signal, "true"), "STOPSIGNAL", "NOPE");
    Path rest =
        variant(
            "peculiar",
            config ->
                config
                    .put("WorkingDir", "/not/there")
                    .put("Volumes", new Json.Obj().put("/data/below", new Json.Obj()))
                    .put(
                        "Healthcheck",
                        new Json.Obj().putStrings("Test", List.of("CMD", "/bin/false")))
                    .putStrings("Env", List.of("PATH=/bin", "A=1", "B=$A")));
    Result result =
        ok(
            "run",
            "--rm",
            "oci:" + rest,
            "sh",
            "-c",
            "pwd; echo $B; echo kept > /data/below/file; cat /data/below/file");
    assertThat(result.out()).isEqualTo("/not/there\n$A\nkept\n");
    ok("rmi", "oci:" + none, "oci:" + signal, "oci:" + rest);
  }

  /** Errors of the store, of the guest, and tables show what an image says, and obey none of it. */
  @Test
  void namesOfAnImageDoNotReachTheTerminal() {
    String hostile = "\u001b]0;T\u0007\u009b2J\u007f\u202egpj";
    Path config =
        variant(
            "hostile",
            c -> c.put("Cmd", new Json.Arr(List.of(new Json.Str("/nope" + hostile + "\nforged")))));
    Path user = variant("hostileuser", c -> c.put("User", "ev" + hostile + "il"));
    Path media = variant("hostilemedia");
    Json.Obj index = Json.parseObject(read(media.resolve("index.json")));
    Json.Obj entry = index.objects("manifests").getFirst();
    Json.Obj manifest = Json.parseObject(blob(media, entry));
    Json.Obj layer = manifest.objects("layers").getFirst().put("mediaType", "x/" + hostile);
    Json.Obj changed = put(media, entry, manifest.putObjects("layers", List.of(layer)).text());
    write(media.resolve("index.json"), index.putObjects("manifests", List.of(changed)).text());
    List<Result> results =
        List.of(
            run("pull", "oci:" + media),
            run("run", "--rm", "oci:" + user, "true"),
            run("run", "--name", "hostile", "oci:" + config),
            ok("images"),
            run("inspect", "hostile" + hostile));
    for (Result result : results) {
      String all = result.out() + result.err();
      assertThat(all.codePoints().filter(c -> c != '\n' && c != '\t' && c != '\r'))
          .as(result.toString())
          .allMatch(PlainText::isSafe);
      assertThat(all.lines()).as(result.toString()).noneMatch(line -> line.startsWith("forged"));
    }
    assertThat(results.get(0).err()).contains("?]0;T??2J??gpj");
    assertThat(results.get(2).exit()).isEqualTo(127);
    assertThat(results.get(2).err()).contains("/nope?]0;T??2J??gpj");
    ok("rmi", "oci:" + config, "oci:" + user);
  }

  @Test
  void theImagesStopSignal() {
    Path layout = variant("stopsignal", config -> config.put("StopSignal", "SIGUSR1"));
    String script = "trap 'echo got; exit 5' USR1; echo ready; while :; do sleep 0.1; done";
    detached("polite", "oci:" + layout, "sh", "-c", script);
    Wait.until(
        Casemate.TIMEOUT_SECONDS, "the trap", () -> ok("logs", "polite").out().equals("ready\n"));
    ok("stop", "-t", "120", "polite");
    assertThat(ok("wait", "polite").out()).isEqualTo("5\n");
    remove("polite");
    ok("rmi", "oci:" + layout);
  }

  private static Json.Obj without(Json.Obj json, String... names) {
    for (String name : names) {
      json.fields().remove(name);
    }
    return json;
  }

  @Test
  void fromARegistry() {
    Path layout = variant("pushed");
    try (TestRegistry registry = TestRegistry.start(files("registry").toString(), "", "")) {
      registry.push(layout + ":latest", "demo/pushed:v1");
      String name = registry.host() + "/demo/pushed:v1";
      fails(
          125, List.of("run", "--rm", registry.host() + "/demo/absent:v1", "true"), "demo/absent");
      fails(
          125,
          List.of("run", "--rm", registry.host() + "/demo/pushed:v9", "true"),
          "demo/pushed:v9");
      // Two pulls of one image at once share the work.
      Running one = call("pull", name).start();
      Running two = call("pull", "-q", name).start();
      Result first = one.await(Casemate.TIMEOUT_SECONDS).expect(0);
      Result second = two.await(Casemate.TIMEOUT_SECONDS).expect(0);
      assertThat(first.out()).startsWith(name).contains("sha256:");
      assertThat(second.out().strip()).startsWith("sha256:");
      assertThat(second.err()).isEmpty();
      String digest = second.out().strip();
      assertThat(digest).isEqualTo(manifestDigest(layout));
      assertThat(ok("run", "--rm", name, "echo", "pulled").out()).isEqualTo("pulled\n");
      Json.Obj all = new Json.Obj().put("all", Json.parse(ok("images", "--format", "json").out()));
      assertThat(all.objects("all"))
          .anyMatch(i -> i.string("name").equals(name) && i.string("digest").equals(digest));
      assertThat(ok("images", "-q").out()).contains(digest);
      String pinned = name.substring(0, name.lastIndexOf(':')) + "@" + digest;
      ok("rmi", name);
      fails(125, List.of("run", "--pull", "never", name, "true"), name, "casemate pull");
      assertThat(ok("run", "--rm", pinned, "echo", "pinned").out()).isEqualTo("pinned\n");
      ok("rmi", pinned);
      // A digest that this repository does not have.
      String other = pinned.substring(0, pinned.length() - 8) + "00000000";
      fails(125, List.of("run", other, "true"), other.substring(other.indexOf('@') + 1));
    }
    fails(1, List.of("rmi", "127.0.0.1:1/demo/absent:v1"), "demo/absent:v1");
  }

  @Test
  void theRegistryDoesNotListen() {
    Result result = run("run", "127.0.0.1:" + TestRegistry.freePort() + "/demo:v1", "true");
    isError(result, 125, "127.0.0.1");
  }

  @Test
  void theRegistrySendsSomethingElse() {
    try (BadRegistry registry = new BadRegistry(variant("flipped"), BadRegistry.Fault.WRONG_BYTE)) {
      fresh(registry.name(), "digest");
    }
    try (BadRegistry registry =
        new BadRegistry(variant("swapped"), BadRegistry.Fault.WRONG_MANIFEST)) {
      fresh(registry.name() + "@" + registry.digest(), "digest");
    }
  }

  @Test
  void theRegistryGoesDownDuringAPull() {
    try (BadRegistry registry = new BadRegistry(variant("half"), BadRegistry.Fault.GONE)) {
      Result result = fresh(registry.name(), "127.0.0.1");
      assertThat(result.err()).contains("retrying");
    }
  }

  /** In a store of its own, which has none of the blobs yet. */
  private static Result fresh(String image, String fragment) {
    Path state = files("fresh-state");
    Shell.run("ln -s " + Casemate.GUEST + " " + state + "/guest");
    Result result =
        call("run", "--rm", image, "true").environment("CASEMATE_STATE", state.toString()).run();
    isErrorAfterProgress(result, fragment);
    assertThat(
            Shell.run(
                    "find "
                        + state
                        + "/images/temp -mindepth 1 ! -name '*.part*' || true; ls "
                        + state
                        + "/images/refs/*/")
                .out())
        .as("left in the store")
        .doesNotContain("demo");
    assertThat(call("images", "-q").environment("CASEMATE_STATE", state.toString()).run().out())
        .isEmpty();
    return result;
  }

  private static void isErrorAfterProgress(Result result, String... fragments) {
    isError(result, 125, fragments);
    assertThat(result.err()).doesNotContain("Exception");
  }

  @Test
  void aLayerThatIsDamaged() throws IOException {
    Path layout = variant("corrupt");
    Path layer = layer(layout);
    byte[] bytes = Files.readAllBytes(layer);
    bytes[bytes.length / 2] ^= 1;
    Files.write(layer, bytes);
    fresh("oci:" + layout, layer.getFileName().toString().substring(0, 12));
    Files.write(layer, java.util.Arrays.copyOf(bytes, 1000));
    fresh("oci:" + layout, layer.getFileName().toString().substring(0, 12));
    Files.delete(layer);
    fresh("oci:" + layout, layer.getFileName().toString().substring(0, 12));
  }

  @Test
  void noSpaceForAnImageAndForAContainer() {
    Path state = files("full-state");
    Shell.run("mount -t tmpfs -o size=1500k casemate-e2e " + state);
    try {
      Shell.run("ln -s " + Casemate.GUEST + " " + state + "/guest");
      Result result =
          call("run", "--rm", IMAGE, "true").environment("CASEMATE_STATE", state.toString()).run();
      isErrorAfterProgress(result, "free");
      assertThat(
              Shell.run(
                      "find " + state + "/images/temp " + state + "/containers -mindepth 1 || true")
                  .out())
          .isEmpty();
      Shell.run("mount -o remount,size=20m " + state);
      Result pull =
          call("pull", IMAGE).environment("CASEMATE_STATE", state.toString()).run().expect(0);
      assertThat(pull.out()).contains("sha256:");
      Shell.run("head -c 100M /dev/zero > " + state + "/filler 2>/dev/null || true");
      result =
          call("run", "--rm", IMAGE, "true").environment("CASEMATE_STATE", state.toString()).run();
      isErrorAfterProgress(result, "space");
      assertThat(
              Shell.run("find " + state + "/containers " + state + "/names -mindepth 1 || true")
                  .out())
          .isEmpty();
    } finally {
      Shell.run("umount " + state);
    }
  }

  @Test
  void controlCDuringAPull() {
    try (BadRegistry registry = new BadRegistry(variant("slow"), BadRegistry.Fault.SILENT)) {
      Path state = files("fresh-state");
      Shell.run("ln -s " + Casemate.GUEST + " " + state + "/guest");
      Running running =
          call("run", "--rm", registry.name(), "true")
              .environment("CASEMATE_STATE", state.toString())
              .start();
      Wait.until(
          Casemate.TIMEOUT_SECONDS,
          "the layer to begin",
          () -> registry.layerBegun() || !running.isAlive());
      running.signal(Signals.INT);
      Result result = running.await(Casemate.TIMEOUT_SECONDS);
      assertThat(result.exit()).as(result.toString()).isEqualTo(130);
      // What had come is kept for the next pull or swept by it: another image comes in as ever.
      ok("pull", IMAGE);
      call("pull", IMAGE).environment("CASEMATE_STATE", state.toString()).run().expect(0);
    }
  }
}
