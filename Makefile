# The commands of this repository. `make` alone lists them.

SHELL := /bin/sh
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
bin := node_modules/.bin
run := node --import=tsx
stubs_dir ?= dist
bench_words := $(foreach word,only quick soak million report,$(if $($(word)),$(word)=$($(word))))

.DEFAULT_GOAL := help
.PHONY: help up build test faults conformance lint format bench bench-million bench-check generate docs stubs migrate reset logs node

help: ## List the commands
	@echo 'Boxoffice. The commands:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

up: node_modules/.package-lock.json ## Start everything on this machine; Ctrl-C stops it (GATEWAY_PORT, DATABASE_URL, REDIS_URL)
	@$(run) stack/up.ts

build: node_modules/.package-lock.json ## Compile to dist/ the JavaScript that production runs
	@$(run) stack/build.ts

test: node_modules/.package-lock.json ## Run every test with what it needs, and measure the coverage
	@$(run) test/run.ts

faults: node_modules/.package-lock.json ## Break everything in turn and check that no promise breaks with it; about an hour (only=kill/payment,postgres)
	@$(run) test/faults/main.ts $(if $(only),only=$(only)) $(if $(report),report=$(report))

conformance: node_modules/.package-lock.json ## Run Connect's own conformance suite against the gateway (needs connectconformance)
	@$(run) test/conformance/run.ts

lint: node_modules/.package-lock.json ## Check protos, types, format, import boundaries, dead code, generated files
	@$(run) stack/lint.ts

format: node_modules/.package-lock.json ## Format the code and mend what the linter can
	$(bin)/oxlint --fix --quiet || true
	$(bin)/prettier --write --cache --log-level=warn .

bench: node_modules/.package-lock.json ## Measure everything on this machine, write bench/report/ (only=capacity,hot-area quick=1 soak=600 million=1000000)
	@$(run) bench/main.ts $(bench_words)

bench-million: node_modules/.package-lock.json ## Send a million requests, check them in SQL, add them to bench/report/
	@$(run) bench/main.ts only=million million=1000000 $(if $(report),report=$(report))

bench-check: node_modules/.package-lock.json ## Print the ratios of a short measurement, about a minute and a half; fails when a run is void
	@$(run) bench/main.ts check=1 $(if $(only),only=$(only))

generate: node_modules/.package-lock.json ## Generate code from the protos, and the API reference
	$(bin)/buf format -w --path proto/boxoffice
	$(bin)/buf generate
	$(bin)/buf generate --template test/conformance/buf.gen.yaml
	@$(run) stack/docs.ts

docs: node_modules/.package-lock.json ## Write docs/api.md from the protos
	@$(run) stack/docs.ts

stubs: node_modules/.package-lock.json ## Pack the typed clients for other teams: dist/boxoffice-stubs-VERSION.tgz
	rm -rf proto/dist
	$(bin)/tsc -p proto
	@mkdir -p $(stubs_dir)
	npm pack ./proto --silent --pack-destination $(stubs_dir)

migrate: node_modules/.package-lock.json ## Migrate the database of DATABASE_URL, giving its roles ROLE_PASSWORD
	@$(run) stack/migrate.ts

reset: node_modules/.package-lock.json ## Remove the data of the stopped stack
	@$(run) stack/reset.ts

logs: ## Follow the logs of the running stack
	@ls .data/logs/*.log >/dev/null 2>&1 || { echo 'there are no logs: `make up` writes them'; exit 1; }
	@tail -n 20 -F .data/logs/*.log

# npm writes this file last, so it stands for a finished installation.
node_modules/.package-lock.json: package-lock.json | node
	@echo 'Installing packages: npm ci'
	@npm ci --no-audit --no-fund
	@touch $@

node:
	@command -v node >/dev/null || { echo 'node is not on PATH: install Node 20.19 or newer, from https://nodejs.org or your package manager'; exit 1; }
	@command -v npm >/dev/null || { echo 'npm is not on PATH: install it, it comes with Node'; exit 1; }
	@node -e 'const [major, minor] = process.versions.node.split(".").map(Number); if (major < 20 || (major === 20 && minor < 19)) { console.log(`Node $${process.versions.node} is too old: install Node 20.19 or newer, from https://nodejs.org or your package manager`); process.exit(1) }'
