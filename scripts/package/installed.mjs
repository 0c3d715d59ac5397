// Checks an installation: no install scripts, no compiled or native code, and exports that resolve.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { filesOf } from './contents.mjs';

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'];

export function checkInstalled(project) {
  // npm's own list of the installed packages.
  const { packages } = JSON.parse(
    readFileSync(join(project, 'node_modules/.package-lock.json'), 'utf8'),
  );
  const folders = Object.keys(packages);
  for (const folder of folders) checkPackage(folder, join(project, folder));
  const names = folders
    .map((folder) => `${folder.split('node_modules/').pop()} ${packages[folder].version}`)
    .join(', ');
  console.log(`no install scripts, nothing native in ${names}`);

  const manifest = readManifest(join(project, 'node_modules/node-memberlist'));
  checkSideEffects(manifest, project);
  if (manifest.type !== 'module') throw new Error('it is not a package of ES modules');
  checkExports(manifest, project);
}

function checkPackage(name, folder) {
  const { scripts = {}, gypfile } = readManifest(folder);
  const found = INSTALL_SCRIPTS.filter((script) => script in scripts);
  if (found.length > 0) throw new Error(`${name} has install scripts: ${found}`);
  const native = readdirSync(folder, { recursive: true }).filter((file) =>
    /(^|[\\/])binding\.gyp$|\.(node|gyp|gypi|wasm|so|dll|dylib)$/.test(file),
  );
  if (gypfile || native.length > 0) throw new Error(`${name} has native code: ${native}`);
}

/** Bundlers may drop every unused module except the checks of Node's version. */
function checkSideEffects({ name, sideEffects }, project) {
  const isCheck = (path) =>
    path.endsWith('/require-node.js') && existsSync(join(project, 'node_modules', name, path));
  if (!Array.isArray(sideEffects) || !sideEffects.every(isCheck)) {
    throw new Error('sideEffects names more than the checks of Node’s version');
  }
}

/** Each export resolves to existing files, and nothing else of the package is accessible. */
function checkExports({ name, exports }, project) {
  const require = createRequire(join(project, 'anything.js'));
  for (const [subpath, target] of Object.entries(exports)) {
    const specifier = join(name, subpath);
    require.resolve(specifier);
    for (const path of filesOf(target)) {
      if (!existsSync(join(project, 'node_modules', name, path))) {
        throw new Error(`${specifier} resolves to ${path}, which does not exist`);
      }
    }
  }
  try {
    require.resolve(`${name}/dist/index.js`);
  } catch (error) {
    if (error.code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error;
    console.log(`exports resolve: ${Object.keys(exports).join(', ')}; nothing else is accessible`);
    return;
  }
  throw new Error('a file that is not exported is accessible');
}

function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}
