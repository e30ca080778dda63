# The commands of this repository. `make` alone lists them.

SHELL := /bin/sh
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
bin := node_modules/.bin
run := node --import=tsx
stubs_dir ?= dist
sbom_dir ?= dist
targets := help up build test faults conformance stripe-mock-test lint format audit sbom bench bench-million bench-check generate docs stubs migrate verify-ledger reset logs node
# Whatever was said beside the targets, so that a word that is none is refused, not ignored.
bench_words = $(MAKEOVERRIDES) $(filter-out $(targets),$(MAKECMDGOALS))

.DEFAULT_GOAL := help
.PHONY: $(targets)

help: ## List the commands
	@echo 'Boxoffice. The commands:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-24s %s\n", $$1, $$2 }'

up: node_modules/.package-lock.json ## Start everything on this machine; Ctrl-C stops it (GATEWAY_PORT, DATABASE_URL, REDIS_URL, PROVIDER)
	@$(run) stack/up.ts

build: node_modules/.package-lock.json ## Compile to dist/ the JavaScript that production runs
	@$(run) stack/build.ts

test: node_modules/.package-lock.json ## Run every test with what it needs, and measure the coverage
	@$(run) test/run.ts

faults: node_modules/.package-lock.json ## Break everything in turn and check that no promise breaks with it; about an hour (only=kill/payment,postgres)
	@$(run) test/faults/main.ts $(if $(only),only=$(only)) $(if $(report),report=$(report))

conformance: node_modules/.package-lock.json ## Run Connect's own conformance suite against the gateway (needs connectconformance)
	@$(run) test/conformance/run.ts

stripe-mock-test: node_modules/.package-lock.json ## Hold our calls of Stripe against Stripe's own mock (needs stripe-mock)
	@$(run) test/stripe-mock.ts

lint: node_modules/.package-lock.json ## Check protos, types, format, import boundaries, dead code, generated files
	@$(run) stack/lint.ts

format: node_modules/.package-lock.json ## Format the code and mend what the linter can
	$(bin)/oxlint --fix --quiet || true
	$(bin)/prettier --write --cache --log-level=warn .

audit: node_modules/.package-lock.json ## Ask the registry for known vulnerabilities; fails on one that is not explained (offline=ok)
	@$(run) stack/audit.ts $(if $(offline),offline=$(offline))

# npm names what it lists after the folder that it is in.
name_sbom := const bom = JSON.parse(require("node:fs").readFileSync(0)); \
  bom.metadata.component.name = require("./package.json").name; \
  console.log(JSON.stringify(bom, null, 2));
# With --omit=dev npm would leave out packages of production that a tool needs as well (https://github.com/npm/cli/issues/7909):
# so all are listed, and those of development say so.
sbom: | node ## List every package with its checksum and licence, those of development marked: dist/boxoffice.cdx.json (CycloneDX)
	@mkdir -p $(sbom_dir)
	@npm sbom --package-lock-only --sbom-format=cyclonedx --sbom-type=application | node -e '$(name_sbom)' > $(sbom_dir)/boxoffice.cdx.json
	@echo 'wrote $(sbom_dir)/boxoffice.cdx.json'

bench: node_modules/.package-lock.json ## Measure everything on this machine, write bench/report/ (only=capacity,soak quick=1; help=1 says what there is)
	@$(run) bench/main.ts $(bench_words)

bench-million: node_modules/.package-lock.json ## Send a million requests, check them in SQL, add them to bench/report/
	@$(run) bench/main.ts only=million million=1000000 $(bench_words)

bench-check: node_modules/.package-lock.json ## Print the ratios of a short measurement, about a minute and a half; fails when a run is void
	@$(run) bench/main.ts check=1 $(bench_words)

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

verify-ledger: node_modules/.package-lock.json ## Walk the ledger's hash chain through the API (ORGANISER, GATEWAY_URL, AFTER=link:hash)
	@$(run) stack/verify-ledger.ts

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
