"""Property tests of metrics are judged by what they find, not by how long a loaded machine takes."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("metrics", deadline=None)
settings.load_profile("metrics")
