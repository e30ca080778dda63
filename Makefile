test: node_modules
	node --import=tsx test/run.ts
node_modules: package-lock.json
	npm ci
	@touch node_modules
