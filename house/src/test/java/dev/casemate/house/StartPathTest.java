package dev.casemate.house;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.lang.ArchRule;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What costs milliseconds and megabytes in a native image, or is not race-free. */
class StartPathTest {
  /** At work before a container is started: while Casemate is compiled, and to make a guest. */
  private static final Set<String> OFF = Set.of("protocol-generator", "guest");

  /** They fork, so that they must have one thread. */
  private static final Set<String> SINGLE_THREADED =
      Set.of("agent", "cell", "cell-cli", "oci-cli", "commandline", "cgroup", "seccomp");

  private static final Set<String> MATCHING = Set.of("matches", "replaceAll", "replaceFirst");
  private static final Set<String> FORMATTING = Set.of("format", "formatted");

  private static final Set<String> OF_RECORDS = Set.of("equals", "hashCode");

  private static final DescribedPredicate<JavaClass> START_PATH =
      in("the start path's modules", type -> !OFF.contains(House.module(type)));

  private interface Choice {
    boolean has(JavaClass type);
  }

  private static DescribedPredicate<JavaClass> in(String description, Choice choice) {
    return new DescribedPredicate<>(description) {
      @Override
      public boolean test(JavaClass type) {
        return choice.has(type);
      }
    };
  }

  private static DescribedPredicate<JavaAccess<?>> of(Class<?> owner, Set<String> methods) {
    return new DescribedPredicate<>(owner.getSimpleName() + "'s " + methods) {
      @Override
      public boolean test(JavaAccess<?> access) {
        return access.getTargetOwner().isEquivalentTo(owner)
            && methods.contains(access.getTarget().getName());
      }
    };
  }

  private static void check(ArchRule rule) {
    rule.check(House.CLASSES);
  }

  @Test
  void textIsConcatenatedNotFormatted() {
    check(
        noClasses()
            .that(START_PATH)
            .should()
            .accessTargetWhere(of(String.class, FORMATTING))
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.util.Formatter"));
  }

  @Test
  void textIsSwitchedOnNotMatched() {
    check(
        noClasses()
            .that(START_PATH)
            .should()
            .accessTargetWhere(of(String.class, MATCHING))
            .orShould()
            .dependOnClassesThat(resideInAPackage("java.util.regex..")));
  }

  @Test
  void listsAreLoopedOver() {
    check(
        noClasses()
            .that(START_PATH)
            .should()
            .dependOnClassesThat(resideInAPackage("java.util.stream..")));
  }

  @Test
  void nothingIsLookedUpByName() {
    check(
        noClasses()
            .that(START_PATH)
            .should()
            .dependOnClassesThat(resideInAPackage("java.lang.reflect.."))
            .orShould()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.util.ServiceLoader")
            .orShould()
            .callMethod(Class.class, "forName", String.class));
  }

  /**
   * A native image interprets what Java makes of these: 1,800 blocks of code for one comparison. A
   * VM that is made anew for another configuration can wait for it.
   */
  @Test
  void recordsAreComparedByTheirComponents() {
    check(
        noClasses()
            .that(START_PATH)
            .should()
            .accessTargetWhere(
                new DescribedPredicate<JavaAccess<?>>("a record's " + OF_RECORDS) {
                  @Override
                  public boolean test(JavaAccess<?> access) {
                    return access.getTargetOwner().isRecord()
                        && OF_RECORDS.contains(access.getTarget().getName())
                        && !access.getTargetOwner().getSimpleName().equals("SandboxConfig")
                        && !access.getOriginOwner().equals(access.getTargetOwner());
                  }
                }));
  }

  /** Module linux starts programs, with the descriptors and signals that these shall have. */
  @Test
  void programsAreStartedByLinux() {
    check(
        noClasses()
            .that(START_PATH)
            .should()
            .dependOnClassesThat(nameMatching("java\\.lang\\.Process(Builder)?"))
            .orShould()
            .accessTargetWhere(of(Runtime.class, Set.of("exec"))));
  }

  /** Registries are spoken to by TCP; everything else by sockets and devices of module linux. */
  @Test
  void onlyImagesComeOverTheJdksNetwork() {
    check(
        noClasses()
            .that(in("modules but image", type -> !House.module(type).equals("image")))
            .should()
            .dependOnClassesThat(nameMatching("(java|javax)\\.net\\..*")));
  }

  @Test
  void whatForksHasOneThread() {
    check(
        noClasses()
            .that(in("agent and cell", type -> SINGLE_THREADED.contains(House.module(type))))
            .should()
            .dependOnClassesThat()
            .haveFullyQualifiedName("java.lang.Thread")
            .orShould()
            .dependOnClassesThat(resideInAPackage("java.util.concurrent")));
  }
}
