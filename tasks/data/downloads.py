"""Downloads: what `datasets` fetches and unpacks for a dataset, each file looked through before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.data import archives, tables

if TYPE_CHECKING:
    from datasets import DownloadManager


def manager(builder: Any) -> DownloadManager:
    """Return what fetches and unpacks a dataset's files for its builder: archives and tables are checked."""
    from datasets import DownloadConfig, DownloadManager
    from datasets.utils.py_utils import map_nested

    class Checked(DownloadManager):  # type: ignore[misc]  # datasets ships no type information
        def download(self, url_or_urls: Any) -> Any:
            found = super().download(url_or_urls)
            map_nested(lambda path: tables.check(Path(path)), found)
            return found

        def extract(self, path_or_paths: Any) -> Any:
            map_nested(lambda path: archives.check(Path(path)), path_or_paths)
            return super().extract(path_or_paths)

    return Checked(
        dataset_name=builder.dataset_name,
        download_config=DownloadConfig(
            cache_dir=builder._cache_downloaded_dir,
            use_etag=False,
            token=builder.token,
            storage_options=builder.storage_options,
        ),
        base_path=builder.base_path,
        record_checksums=False,
    )
