from __future__ import annotations

from hypothesis import settings

# The same examples in every run, on machines of any speed.
settings.register_profile("latentmix", derandomize=True, deadline=None)
settings.load_profile("latentmix")
