"""`make bench`: run the benchmarks, or one by name, print each ratio, and keep the results."""

from __future__ import annotations

import sys

from benchmarks import (
    inference,
    metrics,
    million,
    overhead,
    run_starts,
    scaling,
    streaming,
    task_runner,
    ten_million,
    text_metrics,
    tracking,
)
from benchmarks.measurement import keep
from flows import environment
from tasks.errors import UserError, unknown

BENCHMARKS = {
    **text_metrics.BENCHMARKS,
    "metric_bootstrap_f1": metrics.bootstrap,
    "metric_bootstrap_accuracy": metrics.hf_bootstrap,
    "metric_bootstrap_kendalltau": metrics.rank_correlation,
    "metric_million_rows": million.million,
    "engine_text_float32": inference.text_float32,
    "engine_text_bfloat16": inference.text_bfloat16,
    "engine_speech": inference.speech,
    "engine_generation": inference.generation,
    "engine_images": inference.images,
    "scaling_processes": scaling.scaling,
    "scaling_ray": scaling.scaling_ray,
    "ray_task_runner": task_runner.ray_task_runner,
    "engine_streaming_memory": streaming.engine_streaming_memory,
    "overhead": overhead.overhead,
    "run_starts": run_starts.run_starts,
    **tracking.BENCHMARKS,
    "engine_ten_million_rows": ten_million.ten_million,
}


def main() -> None:
    """Run what was named, or everything."""
    environment.prepare()
    names = sys.argv[1:] or list(BENCHMARKS)
    for name in names:
        if name not in BENCHMARKS:
            raise unknown("benchmark", name, BENCHMARKS)
    results = []
    for name in names:
        found = BENCHMARKS[name]()
        results.append(found)
        keep(results)
        times = f"{found.ours_s:.3f} s, theirs {found.theirs_s:.3f} s"
        ratio = f"{found.ratio:.1f}" if found.ratio >= 1 else f"{found.ratio:.2g}"
        print(f"{name}: {ratio}x ({times}) {found.detail}", flush=True)


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
