// What the page needs of Matrix: log in, rooms, the bot's membership, to-device
// messages. The only file that knows matrix-js-sdk.
import { MatrixClient, ClientEvent } from 'matrix-js-sdk/lib/client.js';
import { RoomMemberEvent } from 'matrix-js-sdk/lib/models/room-member.js';
import { MemoryStore } from 'matrix-js-sdk/lib/store/memory.js';
import { logger } from 'matrix-js-sdk/lib/logger.js';
import { Emitter } from './emitter.js';
import { problem } from './problems.js';

logger.setLevel?.('warn', false);

const JOIN_WAIT_MS = 15000;
const SEND_TRIES = 6;

const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

function client(opts) {
  return new MatrixClient({
    store: new MemoryStore(), disableVoip: true, useAuthorizationHeader: true,
    timelineSupport: false, localTimeoutMs: 60000, ...opts,
  });
}

export async function loginPassword(homeserver, user, password) {
  const c = client({ baseUrl: homeserver });
  const got = await c.loginRequest({
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user },
    password,
    initial_device_display_name: 'hearth',
  });
  return {
    homeserver, user_id: got.user_id, device_id: got.device_id,
    access_token: got.access_token,
  };
}

export async function loginToken(homeserver, token) {
  const c = client({ baseUrl: homeserver, accessToken: token });
  const who = await c.whoami();
  if (!who.device_id) throw problem('no_device');
  return {
    homeserver, user_id: who.user_id, device_id: who.device_id,
    access_token: token,
  };
}

export class Matrix extends Emitter {
  #poll = new AbortController(); // of the sync that waits

  constructor(session) {
    super();
    this.session = session;
    this.client = client({
      fetchFn: (url, options) => this.#fetch(url, options),
      baseUrl: session.homeserver, userId: session.user_id,
      deviceId: session.device_id, accessToken: session.access_token,
    });
    this.client.on(ClientEvent.ReceivedToDeviceMessage, ({ message }) => {
      this.emit('to-device', message);
    });
    this.client.on(ClientEvent.Room, () => this.emit('rooms'));
    this.client.on('Session.logged_out', () => this.emit('logged-out'));
  }

  // Ends when the first sync is here. A token that is no good shows at once
  // and not as an endless wait.
  async start() {
    await this.client.whoami();
    const ready = new Promise((resolve) => {
      const seen = (state) => {
        if (state !== 'PREPARED' && state !== 'SYNCING') return;
        this.client.off(ClientEvent.Sync, seen);
        resolve();
      };
      this.client.on(ClientEvent.Sync, seen);
    });
    await this.client.startClient({
      initialSyncLimit: 1, lazyLoadMembers: true, disablePresence: true,
    });
    await ready;
  }

  stop() {
    this.client.stopClient();
  }

  // A sync that failed is tried again now and not later. One that waits may do
  // so in a connection of the network that was, and hear nothing: it begins anew.
  async hurry() {
    this.#poll.abort();
    for (let i = 0; i < 20 && !this.client.retryImmediately(); i++) await sleep(10);
  }

  #fetch(url, options) {
    if (!/\/sync\?/.test(String(url))) return fetch(url, options);
    const poll = new AbortController();
    this.#poll = poll;
    if (options.signal?.aborted) poll.abort();
    options.signal?.addEventListener('abort', () => poll.abort());
    return fetch(url, { ...options, signal: poll.signal });
  }

  async logout() {
    await this.client.logout(true).catch(() => {});
  }

  rooms() {
    return this.client.getRooms()
      .filter((r) => ['join', 'invite'].includes(r.getMyMembership()))
      .filter((r) => !r.isSpaceRoom())
      .map((r) => ({
        id: r.roomId, name: r.name, members: r.getJoinedMemberCount(),
        invited: r.getMyMembership() === 'invite',
        alias: r.getCanonicalAlias() || '',
        active: r.getLastActiveTimestamp(),
      }))
      .sort((a, b) => b.active - a.active);
  }

  async openRoom(idOrAlias) {
    const via = /:(.+)$/.exec(idOrAlias)?.[1];
    const room = await this.client.joinRoom(idOrAlias, {
      viaServers: via ? [via] : [],
    });
    for (let waited = 0; waited < JOIN_WAIT_MS; waited += 100) {
      const known = this.client.getRoom(room.roomId);
      if (known?.getMyMembership() === 'join') break;
      await sleep(100);
    }
    return room.roomId;
  }

  roomName(roomId) {
    return this.client.getRoom(roomId)?.name || roomId;
  }

  async myName(roomId) {
    const me = this.client.getUserId();
    const member = await this.#member(roomId, me);
    return member?.displayname || me.replace(/^@([^:]+).*/, '$1');
  }

  // A name for this room only: the profile belongs to the user.
  async setMyName(roomId, displayname) {
    const me = this.client.getUserId();
    const member = await this.#member(roomId, me);
    if (!displayname || member?.displayname === displayname) return;
    const content = { ...member, membership: 'join', displayname };
    await this.client.sendStateEvent(roomId, 'm.room.member', content, me);
  }

  #member(roomId, user) {
    return this.client.getStateEvent(roomId, 'm.room.member', user)
      .catch((e) => {
        if (e.errcode === 'M_NOT_FOUND') return null;
        throw e;
      });
  }

  // Invites the bot if need be and waits until it has come.
  async ensureBot(roomId, bot) {
    const member = await this.#member(roomId, bot);
    if (member?.membership === 'join') return;
    if (member?.membership === 'ban') throw problem('bot_banned', { bot });
    const came = this.#waitForJoin(roomId, bot);
    if (member?.membership !== 'invite') {
      await this.client.invite(roomId, bot).catch((e) => {
        if (e.errcode === 'M_FORBIDDEN') throw problem('bot_uninvitable', { bot });
        throw e;
      });
    }
    if (!(await came)) throw problem('bot_absent', { bot });
  }

  #waitForJoin(roomId, user) {
    return new Promise((resolve) => {
      const done = (yes) => {
        clearTimeout(timer);
        this.client.off(RoomMemberEvent.Membership, seen);
        resolve(yes);
      };
      const seen = (_, m) => {
        if (m.roomId === roomId && m.userId === user && m.membership === 'join') done(true);
      };
      const timer = setTimeout(() => {
        this.#member(roomId, user).then(
          (m) => done(m?.membership === 'join'), () => done(false));
      }, JOIN_WAIT_MS);
      this.client.on(RoomMemberEvent.Membership, seen);
    });
  }

  // The same transaction id for every try: the homeserver delivers once.
  async sendToDevice(type, user, device, content) {
    const to = new Map([[user, new Map([[device, content]])]]);
    const txn = this.client.makeTxnId();
    for (let n = 1; ; n++) {
      try {
        return await this.client.sendToDevice(type, to, txn);
      } catch (e) {
        const lasting = e.httpStatus >= 400 && e.httpStatus < 500 && e.httpStatus !== 429;
        if (lasting || n === SEND_TRIES) throw e;
        const told = e.data?.retry_after_ms;
        await sleep(told || Math.min(8000, 250 * 2 ** n) * (0.5 + Math.random() / 2));
      }
    }
  }

  async turnServers() {
    const t = await Promise.race([this.client.turnServer(), sleep(2000)]);
    if (!t?.uris?.length) return [];
    return [{ urls: t.uris, username: t.username, credential: t.password }];
  }
}
