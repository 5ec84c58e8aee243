"""Running a recipe: run directory, step cache, conservation, funnel, lock and report."""
