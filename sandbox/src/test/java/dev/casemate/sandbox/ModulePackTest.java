package dev.casemate.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.CasemateException;
import dev.casemate.oci.Spec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModulePackTest {
  @TempDir Path temp;

  private ModulePack open(String text) throws IOException {
    return ModulePack.open(Files.writeString(temp.resolve("pack"), text).toString());
  }

  @Test
  void findsModulesByNameAndAlias() throws IOException {
    String index =
        "nfnetlink 0 3 nfnetlink net-pf-16-proto-12\n"
            + "nf_tables 3 4 nfnetlink,nf_tables nfnetlink-subsys-10\n";
    ModulePack pack = open("casemate-modules 1 " + index.length() + "\n" + index + "ONEfour");
    assertThat(pack.order("nfnetlink-subsys-10")).containsExactly("nfnetlink", "nf_tables");
    assertThat(pack.order("nf-tables")).containsExactly("nfnetlink", "nf_tables");
    assertThat(pack.order("floppy")).isEmpty();
    assertThat(pack.content("nfnetlink").orElseThrow()).asString().isEqualTo("ONE");
    assertThat(pack.content("nf_tables").orElseThrow()).asString().isEqualTo("four");
    assertThat(pack.content("floppy")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "casemate-modules 2 0\n",
        "casemate-modules 1 x\n",
        "casemate-modules 1 -1\n",
        "casemate-modules 1 999999999\n",
        "casemate-modules 1 9\n",
        "casemate-modules 1 4\na b\n",
        "casemate-modules 1 8\na -1 1 a",
        "casemate-modules 1 13\na 0 9999999 a"
      })
  void saysWhichFileIsDamaged(String text) {
    assertThatThrownBy(() -> open(text))
        .isInstanceOf(CasemateException.class)
        .hasMessageContaining(temp + "/pack")
        .hasMessageContaining("casemate guest build");
  }

  @Test
  void isReadyBeforeContainersThatAdministerNetworks() {
    String start = "{\"ociVersion\":\"1.2.0\",\"process\":{\"capabilities\":{\"bounding\":[\"";
    assertThat(ModuleSupply.isLikely(Spec.parse(start + "CAP_NET_ADMIN\"]}}}"))).isTrue();
    assertThat(ModuleSupply.isLikely(Spec.parse(start + "CAP_CHOWN\"]}}}"))).isFalse();
    assertThat(
            ModuleSupply.isLikely(
                Spec.parse(
                    "{\"ociVersion\":\"1.2.0\",\"linux\":{\"devices\":[{\"path\":"
                        + "\"/dev/net/tun\",\"type\":\"c\",\"major\":10,\"minor\":200}]}}")))
        .isTrue();
  }
}
