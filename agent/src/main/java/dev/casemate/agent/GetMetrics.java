package dev.casemate.agent;

import dev.casemate.linux.FileContent;
import dev.casemate.linux.Text;
import dev.casemate.protocol.agent.Metrics;
import java.util.List;

/** {@code GetMetrics}: figures on the guest and the agent in Prometheus' text format. */
final class GetMetrics {
  private static final int FILE_LIMIT = 256 * 1024;
  private static final String[] CPU_MODES = {
    "user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"
  };

  private GetMetrics() {}

  static Metrics handle(Agent agent) {
    StringBuilder text = new StringBuilder();
    text.append(load(FileContent.readString("/proc/loadavg", 256)));
    text.append(memory(FileContent.readString("/proc/meminfo", FILE_LIMIT)));
    text.append(cpu(FileContent.readString("/proc/stat", FILE_LIMIT)));
    text.append(network(ProcText.netDev()));
    head(text, "kata_agent_total_rss", "gauge", "Resident bytes of the agent");
    text.append("kata_agent_total_rss ")
        .append(ProcText.residentBytes(FileContent.readString("/proc/self/statm", 256)))
        .append('\n');
    head(text, "kata_agent_containers", "gauge", "Containers of the agent");
    text.append("kata_agent_containers ").append(agent.containers().all().size()).append('\n');
    return Metrics.builder().metrics(text.toString()).build();
  }

  private static void head(StringBuilder text, String name, String type, String help) {
    text.append("# HELP ").append(name).append(' ').append(help).append(".\n");
    text.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }

  private static void item(StringBuilder text, String name, String label, String value) {
    text.append(name).append("{item=\"").append(label).append("\"} ").append(value).append('\n');
  }

  static String load(String loadavg) {
    List<String> words = Text.split(loadavg.strip(), ' ');
    StringBuilder text = new StringBuilder();
    head(text, "kata_guest_load", "gauge", "Load of the guest");
    for (int i = 0; i < 3 && i < words.size(); i++) {
      item(text, "kata_guest_load", i == 0 ? "load1" : i == 1 ? "load5" : "load15", words.get(i));
    }
    return text.toString();
  }

  static String memory(String meminfo) {
    StringBuilder text = new StringBuilder();
    head(text, "kata_guest_meminfo", "gauge", "Memory of the guest in bytes");
    for (String line : Text.split(meminfo, '\n')) {
      int colon = line.indexOf(':');
      List<String> words = colon < 0 ? List.of() : Text.split(line.substring(colon + 1), ' ');
      if (words.size() == 2 && words.get(1).equals("kB")) {
        item(
            text,
            "kata_guest_meminfo",
            label(line.substring(0, colon)),
            Long.toString(1024 * Numbers.parse(words.get(0), 0)));
      }
    }
    return text.toString();
  }

  /** {@code Active(anon)} becomes {@code active_anon}. */
  static String label(String name) {
    StringBuilder label = new StringBuilder();
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (Character.isLetterOrDigit(c)) {
        label.append(Character.toLowerCase(c));
      } else if (c == '(' || c == '_') {
        label.append('_');
      }
    }
    return label.toString();
  }

  static String cpu(String stat) {
    StringBuilder text = new StringBuilder();
    head(text, "kata_guest_cpu_time", "counter", "Processor time of the guest in clock ticks");
    for (String line : Text.split(stat, '\n')) {
      List<String> words = Text.split(line, ' ');
      if (!line.startsWith("cpu")) {
        continue;
      }
      String cpu = words.get(0).equals("cpu") ? "total" : words.get(0);
      for (int i = 1; i < words.size() && i <= CPU_MODES.length; i++) {
        text.append("kata_guest_cpu_time{cpu=\"").append(cpu).append("\",item=\"");
        text.append(CPU_MODES[i - 1]).append("\"} ").append(words.get(i)).append('\n');
      }
    }
    return text.toString();
  }

  static String network(List<ProcText.NetDev> devices) {
    StringBuilder text = new StringBuilder();
    head(text, "kata_guest_netdev_stat", "counter", "Traffic of the guest's interfaces");
    for (ProcText.NetDev device : devices) {
      List<Long> values = device.values();
      network(text, device, "recv_bytes", values.get(0));
      network(text, device, "recv_packets", values.get(1));
      network(text, device, "recv_errs", values.get(2));
      network(text, device, "recv_drop", values.get(3));
      network(text, device, "sent_bytes", values.get(8));
      network(text, device, "sent_packets", values.get(9));
      network(text, device, "sent_errs", values.get(10));
      network(text, device, "sent_drop", values.get(11));
    }
    return text.toString();
  }

  private static void network(StringBuilder text, ProcText.NetDev device, String item, long value) {
    text.append("kata_guest_netdev_stat{interface=\"").append(name(device.name()));
    text.append("\",item=\"").append(item).append("\"} ").append(value).append('\n');
  }

  /**
   * A container that may administer the network names its interfaces: no quotes, no backslashes.
   */
  private static String name(String interfaceName) {
    return Console.printable(interfaceName).replace('"', '?').replace('\\', '?');
  }
}
