package dev.casemate.oci;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.casemate.base.Json;
import java.util.List;
import org.junit.jupiter.api.Test;

class SpecTest {
  private static final String FULL =
      """
      {"ociVersion":"1.2.0","process":{"terminal":true,"consoleSize":{"height":24,"width":80},\
      "user":{"uid":4294967294,"gid":5,"umask":18,"additionalGids":[5,6]},"args":["sh"],\
      "env":["A=b"],"cwd":"/","capabilities":{"bounding":["CAP_CHOWN"],"effective":["CAP_CHOWN"],\
      "inheritable":["CAP_CHOWN"],"permitted":["CAP_CHOWN"],"ambient":["CAP_CHOWN"]},\
      "rlimits":[{"type":"RLIMIT_NOFILE","hard":18446744073709551615,"soft":1024}],\
      "noNewPrivileges":true,"apparmorProfile":"p","oomScoreAdj":-5,"selinuxLabel":"s",\
      "scheduler":{"policy":"SCHED_BATCH","nice":3,"priority":0,"flags":["SCHED_FLAG_RECLAIM"],\
      "runtime":1,"deadline":2,"period":3},"ioPriority":{"class":"IOPRIO_CLASS_BE","priority":4},\
      "execCPUAffinity":{"initial":"0","final":"0-1"}},"root":{"path":"rootfs","readonly":true},\
      "hostname":"h","domainname":"d","mounts":[{"destination":"/proc","type":"proc",\
      "source":"proc","options":["nosuid"],"uidMappings":[{"containerID":0,"hostID":1000,\
      "size":65536}],"gidMappings":[{"containerID":0,"hostID":1000,"size":65536}]}],\
      "hooks":{"prestart":[{"path":"/a","args":["a"],"env":["X=1"],"timeout":5}],\
      "createRuntime":[{"path":"/b"}],"createContainer":[{"path":"/c"}],\
      "startContainer":[{"path":"/d"}],"poststart":[{"path":"/e"}],"poststop":[{"path":"/f"}]},\
      "annotations":{"k":"v"},"linux":{"namespaces":[{"type":"pid"},{"type":"network",\
      "path":"/run/netns/x"}],"uidMappings":[{"containerID":0,"hostID":1,"size":2}],\
      "gidMappings":[{"containerID":0,"hostID":1,"size":2}],\
      "timeOffsets":{"boottime":{"secs":-5,"nanosecs":7}},"devices":[{"path":"/dev/x","type":"c",\
      "major":1,"minor":2,"fileMode":438,"uid":3,"gid":4}],"cgroupsPath":"/c",\
      "resources":{"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":1,\
      "minor":3,"access":"r"}],"memory":{"limit":1,"reservation":2,"swap":-1,"kernel":3,\
      "kernelTCP":4,"swappiness":5,"disableOOMKiller":true,"useHierarchy":false,\
      "checkBeforeUpdate":true},"cpu":{"shares":1,"quota":-1,"burst":2,"period":3,\
      "realtimeRuntime":4,"realtimePeriod":5,"cpus":"0","mems":"1","idle":1},\
      "pids":{"limit":9},"blockIO":{"weight":10,"leafWeight":11,"weightDevice":[{"major":8,\
      "minor":0,"weight":500,"leafWeight":300}],"throttleReadBpsDevice":[{"major":8,"minor":0,\
      "rate":1}],"throttleWriteBpsDevice":[{"major":8,"minor":0,"rate":2}],\
      "throttleReadIOPSDevice":[{"major":8,"minor":0,"rate":3}],\
      "throttleWriteIOPSDevice":[{"major":8,"minor":0,"rate":4}]},\
      "hugepageLimits":[{"pageSize":"2MB","limit":1}],"network":{"classID":1,\
      "priorities":[{"name":"eth0","priority":2}]},"rdma":{"mlx5_1":{"hcaHandles":3,\
      "hcaObjects":4}},"unified":{"memory.high":"1"}},"rootfsPropagation":"slave",\
      "seccomp":{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,\
      "architectures":["SCMP_ARCH_X86"],"flags":["SECCOMP_FILTER_FLAG_LOG"],"listenerPath":"/s",\
      "listenerMetadata":"m","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW",\
      "errnoRet":3,"args":[{"index":0,"value":18446744073709551615,"valueTwo":2,\
      "op":"SCMP_CMP_MASKED_EQ"}]}]},"sysctl":{"net.a":"1"},"maskedPaths":["/m"],\
      "readonlyPaths":["/r"],"mountLabel":"l","personality":{"domain":"LINUX32"},\
      "intelRdt":{"closID":"c","l3CacheSchema":"l3","memBwSchema":"mb","enableCMT":true,\
      "enableMBM":true,"schemata":["L2:0=f"],"enableMonitoring":true},\
      "memoryPolicy":{"mode":"MPOL_BIND","nodes":"0-1","flags":["MPOL_F_STATIC_NODES"]},\
      "netDevices":{"eth0":{"name":"eth1"},"eth2":{}}}}""";

  @Test
  void everythingThatIsReadIsWritten() {
    assertThat(Spec.parse(FULL).toJson().text()).isEqualTo(Json.parseObject(FULL).text());
  }

  @Test
  void theLeastDocumentIsEnough() {
    Spec spec = Spec.parse("{}");
    assertThat(spec.process()).isEmpty();
    assertThat(spec.root().path()).isEqualTo("rootfs");
    assertThat(spec.linux().namespaces()).isEmpty();
    assertThat(spec.linux().resources().memory().limit()).isEmpty();
  }

  @Test
  void unknownFieldsAreIgnoredAndNullIsAbsent() {
    Spec spec =
        Spec.parse(
            "{\"process\": {\"args\": [\"a\"], \"novelty\": 1}, \"linux\": null, \"x\": []}");
    assertThat(spec.process().orElseThrow().args()).containsExactly("a");
  }

  @Test
  void aWrongTypeIsNamedByItsPath() {
    assertThatThrownBy(() -> Spec.parse("{\"linux\": {\"devices\": [{\"major\": \"x\"}]}}"))
        .hasMessageContaining("linux.devices[0].major");
    assertThatThrownBy(() -> Spec.parse("{\"process\": {\"user\": {\"uid\": 4294967296}}}"))
        .hasMessageContaining("process.user.uid");
    assertThatThrownBy(() -> Spec.parse("{\"process\": {\"user\": {\"uid\": -1}}}"))
        .hasMessageContaining("process.user.uid");
    assertThatThrownBy(() -> Spec.parse("{\"mounts\": {}}")).hasMessageContaining("mounts");
  }

  @Test
  void aDefaultContainerSurvivesTheWayThroughJson() {
    Spec spec =
        DefaultSpec.container("/r", "h", ProcessSpec.of(List.of("sh"), List.of("A=b"), "/"));
    assertThat(Spec.fromJson(Json.parseObject(spec.toJson().text()))).isEqualTo(spec);
    assertThat(spec.process().orElseThrow().capabilities().orElseThrow().bounding()).hasSize(14);
  }
}
