"""Twin serving: several samples drawn, one served by lot, the others kept secret. Nothing served is changed."""
