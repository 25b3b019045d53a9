from hypothesis import settings

settings.register_profile("patient", deadline=None)  # compiled code pays its compilation in the first example
settings.load_profile("patient")
