package dev.casemate.e2e.engine;

import org.junit.jupiter.api.extension.ExtendWith;

/** Tests that drive one engine. */
@ExtendWith(EngineWatch.class)
public interface EngineCases {
  Daemon engine();

  /** Removes all containers, after a test that failed; does its best. */
  void removeContainers();
}
