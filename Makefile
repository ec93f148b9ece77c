.DEFAULT_GOAL := help
.PHONY: help serve example apply materialize teardown test bench gen check lint build clean install prepare servers

SIDEBOARD := node dist/main.js
# Another project: make serve REPO=/path/of/a/feature/repo
REPO := .
# make materialize: from START to END; without START, what is newer than the last load
START :=
END = $(shell date -u +%Y-%m-%dT%H:%M:%SZ)

EXAMPLE := examples/driver_stats
EXAMPLE_MADE := $(EXAMPLE)/data/registry.db $(EXAMPLE)/data/online_store.db
# Touched after a complete load.
EXAMPLE_LOADED := $(EXAMPLE)/data/.loaded

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Only the example is applied and loaded automatically: with another project, that is for its owner to decide.
serve: prepare $(if $(filter .,$(REPO)),example) ## Install, build and serve the example project on 127.0.0.1:50051 (another one: REPO=DIR)
	@exec $(SIDEBOARD) serve --repo $(REPO) --grpc-address 127.0.0.1:50051

example: prepare $(EXAMPLE_LOADED) ## Apply the example project's definitions and load its Parquet files, if they have changed

$(EXAMPLE_LOADED): feature_store.yaml $(EXAMPLE)/definitions.yaml $(wildcard $(EXAMPLE)/data/*.parquet) \
		$(if $(filter-out $(wildcard $(EXAMPLE_MADE)),$(EXAMPLE_MADE)),FORCE) | prepare
	@rm -f $@
	@$(SIDEBOARD) apply
	@$(SIDEBOARD) materialize 2026-01-01 2026-01-11
	@touch $@

FORCE:

apply: prepare ## Apply definitions, and create in the online store what the views need (options: ARGS=--dry-run)
	@exec $(SIDEBOARD) apply --repo $(REPO) $(ARGS)

materialize: prepare ## Load what is new in the views' sources (or an interval: START=2026-01-01 END=2026-02-01)
	@exec $(SIDEBOARD) materialize$(if $(START), $(START),-incremental) $(END) --repo $(REPO) $(ARGS)

teardown: prepare ## Remove the project from the online store (asks first; or: ARGS=--yes)
	$(if $(filter .,$(REPO)),@rm -f $(EXAMPLE_LOADED))
	@exec $(SIDEBOARD) teardown --repo $(REPO) $(ARGS)

test: servers build ## Run every test that CI runs
	@npm run --silent build:test
	@node scripts/run-tests.mjs

test-store-%: ## Run the tests of one store: make test-store-redis
	@STORES=$* node scripts/test-stores.mjs --check
	@$(MAKE) --no-print-directory servers
	@STORES=$* npm run --silent test:stores

bench: servers ## Measure against Redis, a bare grpc-js server and Feast (takes more than an hour; with ARGS=--quick a minute)
	@scripts/setup-feast-grpc.sh
	@npm run --silent bench -- $(ARGS)
	@npm run --silent bench -- --loading $(ARGS)

gen: install ## Generate gen/ from proto/
	npm run gen

check: install ## Lint, check formatting, imports and types
	npm run check

lint: install ## Lint and check formatting
	npm run lint

build: install ## Compile to dist/
	@npm run --silent build

clean: ## Remove everything that was built or generated; node_modules, .venv and .tools stay
	rm -rf dist build $(EXAMPLE)/data/*.db* $(EXAMPLE_LOADED)

install: node_modules/.package-lock.json

# npm's own record of what is installed: older than the lockfile means that something is missing or outdated.
node_modules/.package-lock.json: package-lock.json
	@scripts/npm-ci.sh
	@touch $@

prepare: build

servers: install
	@scripts/install-test-servers.sh
