/** Sets environment variables for the tests of the running suite; `undefined` removes one. */
export function useEnvironment(variables: Readonly<Record<string, string | undefined>>): void {
  const saved = new Map<string, string | undefined>();
  before(() => {
    for (const [name, value] of Object.entries(variables)) {
      saved.set(name, process.env[name]);
      set(name, value);
    }
  });
  after(() => {
    for (const [name, value] of saved) set(name, value);
  });
}

function set(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}
