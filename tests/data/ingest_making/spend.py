"""Spend logs without a database: the rows that LiteLLM would write, as its own code makes them, to a file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy.spend_tracking.spend_tracking_utils import get_logging_payload


class Spend(CustomLogger):
    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        self._write(kwargs, response_obj, start_time, end_time)

    async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        self._write(kwargs, response_obj, start_time, end_time)

    def _write(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        row = get_logging_payload(kwargs=kwargs, response_obj=response_obj, start_time=start_time, end_time=end_time)
        with Path(os.environ["SPEND_LOG"]).open("a") as file:
            file.write(json.dumps(row, default=str) + "\n")


spend = Spend()
