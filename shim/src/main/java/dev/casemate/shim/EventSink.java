package dev.casemate.shim;

import dev.casemate.hypervisor.VmExit;
import dev.casemate.linux.LinuxException;
import dev.casemate.protobuf.ProtoMessage;
import dev.casemate.protocol.events.TaskCheckpointed;
import dev.casemate.protocol.events.TaskCreate;
import dev.casemate.protocol.events.TaskDelete;
import dev.casemate.protocol.events.TaskExecAdded;
import dev.casemate.protocol.events.TaskExecStarted;
import dev.casemate.protocol.events.TaskExit;
import dev.casemate.protocol.events.TaskIO;
import dev.casemate.protocol.events.TaskOOM;
import dev.casemate.protocol.events.TaskPaused;
import dev.casemate.protocol.events.TaskResumed;
import dev.casemate.protocol.events.TaskStart;
import dev.casemate.protocol.task.CreateTaskRequest;
import dev.casemate.sandbox.GuestContainer;
import dev.casemate.sandbox.GuestProcess;
import dev.casemate.sandbox.SandboxListener;
import dev.casemate.sandbox.Stdio;
import dev.casemate.task.TaskApi;
import java.util.function.IntSupplier;

/**
 * Turns what happens in the sandbox into containerd's events, in the order that its documentation
 * of shims prescribes: create, start, what comes in between, exit, delete.
 */
final class EventSink implements SandboxListener {
  /** Where events go: the publisher, or a test. */
  interface Target {
    void publish(String topic, String type, ProtoMessage event);
  }

  /** How long execs may hold up the news that their container has ended. */
  private static final long EXECS_GRACE_MILLIS = 1_000;

  private final Target target;
  private final ShimLog log;
  private final IntSupplier vmmPid;
  private final HostContainers hosts;

  EventSink(Target target, ShimLog log, IntSupplier vmmPid, HostContainers hosts) {
    this.target = target;
    this.log = log;
    this.vmmPid = vmmPid;
    this.hosts = hosts;
  }

  private void publish(String topic, String type, ProtoMessage event) {
    target.publish("/tasks/" + topic, "containerd.events." + type, event);
  }

  @Override
  public void created(GuestContainer container) {
    Stdio stdio = container.plan().stdio();
    CreateTaskRequest request = hosts.request(container.id());
    publish(
        "create",
        "TaskCreate",
        TaskCreate.builder()
            .containerId(container.id())
            .bundle(request.bundle())
            .rootfs(request.rootfs())
            .io(
                TaskIO.builder()
                    .stdin(stdio.stdin())
                    .stdout(stdio.stdout())
                    .stderr(stdio.stderr())
                    .terminal(stdio.terminal())
                    .build())
            .checkpoint(request.checkpoint())
            .pid(vmmPid.getAsInt())
            .build());
  }

  @Override
  public void started(GuestContainer container) {
    publish(
        "start",
        "TaskStart",
        TaskStart.builder().containerId(container.id()).pid(vmmPid.getAsInt()).build());
  }

  @Override
  public void execAdded(GuestContainer container, String execId) {
    publish(
        "exec-added",
        "TaskExecAdded",
        TaskExecAdded.builder().containerId(container.id()).execId(execId).build());
  }

  @Override
  public void execStarted(GuestContainer container, String execId) {
    publish(
        "exec-started",
        "TaskExecStarted",
        TaskExecStarted.builder()
            .containerId(container.id())
            .execId(execId)
            .pid(vmmPid.getAsInt())
            .build());
  }

  @Override
  public void exited(GuestContainer container, GuestProcess process) {
    boolean init = process == container.init();
    if (init) {
      // Those in its PID namespace die with it; their ends are reported first.
      for (GuestProcess exec : container.execs()) {
        if (exec.running()) {
          exec.awaitEnd(EXECS_GRACE_MILLIS);
        }
      }
    }
    publish(
        "exit",
        "TaskExit",
        TaskExit.builder()
            .containerId(container.id())
            .id(init ? container.id() : process.execId())
            .pid(vmmPid.getAsInt())
            .exitStatus(process.exitStatus())
            .exitedAt(TaskApi.timestamp(process.exitedMillis()))
            .build());
  }

  @Override
  public void paused(GuestContainer container) {
    publish("paused", "TaskPaused", TaskPaused.builder().containerId(container.id()).build());
  }

  @Override
  public void resumed(GuestContainer container) {
    publish("resumed", "TaskResumed", TaskResumed.builder().containerId(container.id()).build());
  }

  @Override
  public void outOfMemory(GuestContainer container) {
    try {
      new Bundle(container.plan().bundle()).markOutOfMemory();
    } catch (LinuxException e) {
      log.warn("container " + container.id() + " was out of memory: " + e.getMessage());
    }
    publish("oom", "TaskOOM", TaskOOM.builder().containerId(container.id()).build());
  }

  @Override
  public void deleted(GuestContainer container, GuestProcess process) {
    // As runc's shim: an exec's removal is no event.
    if (process == container.init()) {
      publish(
          "delete",
          "TaskDelete",
          TaskDelete.builder()
              .containerId(container.id())
              .pid(vmmPid.getAsInt())
              .exitStatus(process.exitStatus())
              .exitedAt(TaskApi.timestamp(process.exitedMillis()))
              .build());
    }
  }

  @Override
  public void checkpointed(GuestContainer container, String directory) {
    publish(
        "checkpointed",
        "TaskCheckpointed",
        TaskCheckpointed.builder().containerId(container.id()).checkpoint(directory).build());
  }

  @Override
  public void warning(String message) {
    log.warn(message);
  }

  @Override
  public void vmEnded(VmExit exit, String cause) {
    if (hosts.isEmpty()) {
      log.debug("the VM has ended: " + cause);
    } else {
      log.warn("the VM ended while its containers were running: " + cause);
    }
  }
}
