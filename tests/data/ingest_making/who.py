"""Who stands behind each key: LiteLLM's own `custom_auth` hook, in place of a database of virtual keys."""

from __future__ import annotations

import hashlib
from typing import Any

from litellm.proxy._types import ProxyException, UserAPIKeyAuth

KEYS: dict[str, dict[str, str]] = {
    "sk-tide-organisation": {"org_id": "org-harbour", "team_id": "team-pilots", "user_id": "user-ada"},
    "sk-tide-team": {"team_id": "team-pilots", "user_id": "user-ada"},
    "sk-tide-user": {"user_id": "user-ben"},
    "sk-tide-nobody": {},
    "sk-tide-master": {"user_id": "default_user_id"},
}


async def user_api_key_auth(request: Any, api_key: str) -> UserAPIKeyAuth:
    if api_key not in KEYS:
        raise ProxyException(message="unknown key", type="auth_error", param="api_key", code=401)
    hashed = hashlib.sha256(api_key.encode()).hexdigest()
    if api_key == "sk-tide-master":
        hashed = "litellm_proxy_master_key"
    return UserAPIKeyAuth(api_key=hashed, token=hashed, **KEYS[api_key])
