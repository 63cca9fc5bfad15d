package dev.casemate.e2e.cell;

import static org.assertj.core.api.Assertions.assertThat;

import dev.casemate.base.Json;
import dev.casemate.testsupport.Result;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;

/**
 * Tests that are named after what the runtime-spec demands with a MUST: one container, or one that
 * is refused, each.
 */
abstract class SpecTest extends CellTest {
  static final String ID = "must";

  /** A test that has failed must not be the failure of the next. */
  @AfterEach
  void remove() {
    box.run("$CELL --root " + ROOT + " delete --force " + ID + " > /dev/null 2>&1");
    // What the test has left in the root goes; the programs stay.
    box.run(
        "cd must/rootfs 2> /dev/null && ls -A | grep -vx bin | xargs -r rm -rf --one-file-system");
  }

  /** The bundle of this test. */
  static Bundle bundle(String... command) {
    return Bundle.make(box, "must", command);
  }

  /** Runs a container to its end and returns what it has said. */
  static String out(Consumer<Bundle> change, String script) {
    bundle("sh", "-c", script).with(change);
    return ok("run -b must " + ID).out();
  }

  static Result result(Consumer<Bundle> change, String script) {
    bundle("sh", "-c", script).with(change);
    return cell("run -b must " + ID);
  }

  /** A configuration that is refused, with nothing left of it. */
  static void refused(Consumer<Bundle> change, String... fragments) {
    bundle("true").with(change);
    fails(1, "create -b must " + ID, fragments);
    fails(1, "state " + ID, "does not exist");
  }

  static Json.Obj json(String text) {
    return Json.parseObject(text.replace('\'', '"'));
  }

  static Json.Arr array(String text) {
    return (Json.Arr) Json.parse(text.replace('\'', '"'));
  }

  static void addMount(Bundle bundle, String mount) {
    List<Json> mounts = new java.util.ArrayList<>(bundle.config().array("mounts"));
    mounts.add(json(mount));
    bundle.config().put("mounts", new Json.Arr(mounts));
  }

  /** Adds a namespace, new or joined; one of this type that there was goes. */
  static void namespace(Bundle bundle, String type, String path) {
    List<Json> all = new java.util.ArrayList<>();
    for (Json.Obj one : bundle.linux().objects("namespaces")) {
      if (!one.string("type").equals(type)) {
        all.add(one);
      }
    }
    Json.Obj added = new Json.Obj().put("type", type);
    all.add(path.isEmpty() ? added : added.put("path", path));
    bundle.linux().put("namespaces", new Json.Arr(all));
  }

  static void assertLines(String text, String... lines) {
    assertThat(text.lines().toList()).containsExactly(lines);
  }
}
