"""Engine: where tables are computed and kept while a hunt runs. One machine today; the steps have names."""
