// Both npm clients against the port given: node clients.js PORT KEY KEY_OF_ANOTHER_SITE. Prints "ok NAME" or "not ok NAME: why".
'use strict'
const dns = require('dns')
const [port, key, other] = [Number(process.argv[2]), process.argv[3], process.argv[4]]

// The clients write the key before the host's name, as with rest.akismet.com; here every such name is this machine.
const lookup = dns.lookup
dns.lookup = (name, options, done) => {
  if (!name.endsWith('akismet.test')) return lookup(name, options, done)
  if (typeof options === 'function') [done, options] = [options, {}]
  return options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4)
}

const { AkismetClient } = require('akismet-api')
const old = require('akismet')
const blog = 'http://blog.example/'
const spam = 'Check out my channel and please subscribe! Free money for everybody, visit http://x.example/ref now'
const ham = 'I went to the mountains last week and thought of this post, good to read it again'

let bad = 0
async function test(name, fn) {
  try {
    const got = await fn()
    if (got !== true) throw new Error('got ' + JSON.stringify(got))
    console.log('ok ' + name)
  } catch (e) {
    bad = 1
    console.log('not ok ' + name + ': ' + e.message)
  }
}
const fails = promise => promise.then(() => 'no error', e => e.message)
const call = fn => new Promise((resolve, reject) => fn((err, value) => (err ? reject(err) : resolve(value))))

async function api() {
  const make = options => new AkismetClient({ key, blog, protocol: 'http', host: 'rest.akismet.test:' + port, ...options })
  const c = make({})
  await test('akismet-api verifyKey', () => c.verifyKey())
  await test('akismet-api verifyKey, wrong', async () => (await make({ key: 'wrongwrongwr' }).verifyKey()) === false)
  await test('akismet-api checkSpam', () => c.checkSpam({ ip: '198.51.100.7', content: spam, name: 'A', email: 'a@b.example' }))
  await test('akismet-api checkSpam, ham', async () => (await c.checkSpam({ ip: '198.51.100.7', content: ham })) === false)
  await test('akismet-api sample', () => c.checkSpam({ ip: '198.51.100.7', name: 'viagra-test-123', isTest: true }))
  await test('akismet-api administrator', async () => (await c.checkSpam({ ip: '198.51.100.7', content: spam, role: 'administrator' })) === false)
  await test('akismet-api honeypot', () => c.checkSpam({ ip: '198.51.100.7', content: ham, honeypot: 'x' }))
  await test('akismet-api honeypot_field_name', () => c.checkSpam({ ip: '198.51.100.7', content: ham, honeypot_field_name: 'hp', hp: 'x' }))
  await test('akismet-api honeypot, empty', async () => (await c.checkSpam({ ip: '198.51.100.7', content: ham, honeypot: '' })) === false)
  await test('akismet-api without ip', async () => (await fails(c.checkSpam({ content: ham }))) === 'Invalid API key')
  await test('akismet-api wrong key', async () => (await fails(make({ key: 'wrongwrongwr' }).checkSpam({ ip: '1.2.3.4', content: ham }))) === 'Invalid API key')
  await test('akismet-api key of another site', async () => (await fails(make({ key: other }).checkSpam({ ip: '1.2.3.4', content: ham }))) === 'Invalid API key')
  await test('akismet-api submitSpam', async () => (await c.submitSpam({ ip: '198.51.100.8', content: ham, name: 'B' })).text.startsWith('Thanks'))
  await test('akismet-api submitHam', async () => (await c.submitHam({ ip: '198.51.100.8', content: ham, name: 'B' })).text.startsWith('Thanks'))
}

async function older() {
  const make = options => old.client({ apiKey: key, blog, host: 'rest.akismet.test', port, ...options })
  const c = make({})
  await test('akismet verifyKey', () => call(done => c.verifyKey(done)))
  await test('akismet verifyKey, wrong', async () => (await call(done => make({ apiKey: 'wrongwrongwr' }).verifyKey(done))) === false)
  await test('akismet checkComment', () => call(done => c.checkComment({ user_ip: '198.51.100.7', comment_content: spam }, done)))
  await test('akismet checkComment, ham', async () => (await call(done => c.checkComment({ user_ip: '198.51.100.7', comment_content: ham }, done))) === false)
  await test('akismet checkSpam, umlauts', async () => (await call(done => c.checkSpam({ user_ip: '198.51.100.7', comment_author: 'Jörg', comment_content: 'schön & gut + 100%' }, done))) === false)
  await test('akismet submitSpam', async () => (await call(done => c.submitSpam({ user_ip: '198.51.100.9', comment_content: spam }, done))) === undefined)
  await test('akismet submitHam', async () => (await call(done => c.submitHam({ user_ip: '198.51.100.9', comment_content: ham }, done))) === undefined)
}

api().then(older).then(() => process.exit(bad))
