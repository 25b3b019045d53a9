"""Where a tracer meets an inference engine: one thin adapter per engine, no arithmetic of its own."""
