// Writes down the configuration for people: .env.example and docs/operate/configuration.md, both made
// from the table of variables in src/config-variables.ts.

import { groups, makeKeyCommand, variables, type Variable } from '#src/config.ts'

/** The generated files: their content by their path from the repository's root. */
export function configurationFiles(): Record<string, string> {
  return {
    '.env.example': envExample(),
    'docs/operate/configuration.md': documentation(),
  }
}

interface Section {
  title: string
  members: [name: string, variable: Variable][]
}

function sections(): Section[] {
  return Object.entries(groups).map(([group, title]) => ({
    title,
    members: Object.entries<Variable>(variables).filter(([, variable]) => variable.group === group),
  }))
}

function envExample(): string {
  const head = [
    'Copy this file to .env, in the directory that Visita is started in, and take the "# " from the lines',
    'that you change. What docs/operate/configuration.md says of each variable, in short.',
    'Quote a value that holds "#" or a quote. Keep the copy to yourself: chmod 600 .env',
    'Generated from src/config-variables.ts by npm run generate.',
  ]
  const body = sections().map(({ title, members }) =>
    [`# --- ${title} ---`].concat(members.map(([name, variable]) => envEntry(name, variable))),
  )
  return `${[head.map(comment).join('\n'), ...body.flat()].join('\n\n')}\n`
}

function envEntry(name: string, variable: Variable): string {
  const lack = variable.otherwise?.replaceAll('`', '')
  const lines = wrap(variable.meaning + (lack === undefined ? '' : ` Without it: ${lack}.`))
  if (variable.example === null) lines.push(`Make one with: ${variable.make}`)
  lines.push(`${name}=${quoted(variable.default ?? variable.example ?? '')}`)
  return lines.map(comment).join('\n')
}

function comment(line: string): string {
  return `# ${line}`
}

function quoted(value: string): string {
  return /[\s"'#]/.test(value) ? `'${value}'` : value
}

const widthMax = 98

function wrap(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= widthMax)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

const introduction = `<!-- Generated from src/config-variables.ts by npm run generate. Change it there. -->

# Configuration

Visita is configured by environment variables, and needs none: without any it listens on
<http://127.0.0.1:3000> and keeps its data in \`./data\`.

- The variables may also stand in a file \`.env\` in the directory that Visita is started in;
  \`.env.example\` is one to start from. What the environment says wins over the file.
- An empty value is the same as none. Spaces around a value don't count.
- In \`.env\`, quote a value that holds \`#\` or a quote (\`MAIL_FROM='North Clinics <visits@example.org>'\`).
  \`$NAME\` is not replaced.
- A wrong value stops the start with one line for each, which names the variable, the problem and an
  example. A name in \`.env\` that looks misspelled is warned about.
- No value of a secret (marked 🔒) is ever printed or logged. \`chmod 600 .env\` keeps them from the
  other users of the machine.
- \`NODE_ENV\` changes nothing.
`

const notes: Partial<Record<keyof typeof groups, string>> = {
  database: `### A PostgreSQL server

Without \`DATABASE_URL\` Visita runs its own PostgreSQL in \`DATA_DIR\`. With it, the server must be
PostgreSQL 15 or newer. Two roles keep the audit trail safe from the application: the owner makes and
changes the tables (\`MIGRATION_DATABASE_URL\`), and the application reads and writes them, but can only
add to the audit trail (\`DATABASE_URL\`). Visita gives the second role its rights itself. A superuser
prepares them once:

\`\`\`sql
CREATE ROLE visita_owner LOGIN PASSWORD '…';
CREATE ROLE visita_app LOGIN PASSWORD '…';
CREATE DATABASE visita OWNER visita_owner ENCODING 'UTF8' TEMPLATE template0;
\`\`\`

The owner creates the extension \`btree_gist\` at the first start, which the owner of a database may do.
Where a provider forbids it, a superuser runs \`CREATE EXTENSION btree_gist SCHEMA public;\` in the
database once. One role for both works too, with \`DATABASE_URL\` alone: a trigger then guards the audit
trail, which the role could remove, and \`/readyz\` warns of it.

In a URL, percent-encode \`@\`, \`:\`, \`/\`, \`#\`, \`?\` and \`%\` in the password (\`p@ss\` is \`p%40ss\`). A socket
is named by \`postgres:///visita?host=/var/run/postgresql&user=visita_app\`. With TLS and an authority of
your own:

\`\`\`sh
DATABASE_URL='postgres://visita_app:…@db.example.org:5432/visita?sslmode=verify-full&sslrootcert=/etc/visita/database-ca.pem'
\`\`\`
`,
  signIn: `### Secrets

Visita has no default secret. Beside the embedded database, a missing \`TOKEN_SIGNING_KEY\` is generated
once into \`secrets.json\` in \`DATA_DIR\`, which only its owner may read (mode 0600; the start is refused
when others may). With \`DATABASE_URL\` it must come from the environment, since all processes need the
same one and disks come and go. A weak key, such as typed text, is refused. This makes a good one:

\`\`\`sh
${makeKeyCommand}
\`\`\`
`,
  mail: `[Mail and SMS](mail-and-sms.md) says how to set both up and try them.
`,
}

function documentation(): string {
  const parts = sections().map(({ title, members }) => {
    const rows = members.map(([name, variable]) => row(name, variable))
    const table = ['| Variable | Default | Example | Meaning |', '|---|---|---|---|', ...rows]
    const note = Object.entries(notes).find(([group]) => members[0]?.[1].group === group)?.[1]
    return [`## ${title}`, `${table.join('\n')}\n`, ...(note === undefined ? [] : [note])].join(
      '\n\n',
    )
  })
  return [introduction, ...parts].join('\n').replaceAll(/\n{3,}/g, '\n\n')
}

function row(name: string, variable: Variable): string {
  const cells = [
    `\`${name}\`${variable.secret ? ' 🔒' : ''}`,
    variable.default === null ? (variable.otherwise ?? 'none') : `\`${variable.default}\``,
    variable.example === null ? `made by \`${variable.make}\`` : `\`${variable.example}\``,
    [variable.meaning, variable.details].filter((text) => text !== undefined).join(' '),
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
