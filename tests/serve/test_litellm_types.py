"""The plugin's file without LiteLLM: it can be read, and says what it needs."""

from __future__ import annotations

from stillwatch.serve import litellm


def test_the_plugin_can_be_read_without_litellm() -> None:
    assert litellm.Stillwatch.__doc__
    hooks = [name for name in vars(litellm.Stillwatch) if name.startswith("async_")]
    assert "async_pre_call_hook" in hooks
    assert "async_post_call_streaming_iterator_hook" in hooks
