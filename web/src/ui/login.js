// Log in by password or token.
import { el, field } from './dom.js';
import { logo } from './icons.js';

export class Login {
  constructor({ link, homeserver, error, onlogin }) {
    const input = (key, props) => el('input', { testid: `login-${key}`, spellcheck: false, autocapitalize: 'none', ...props });
    this.user = input('user', { value: link.user, autocomplete: 'username', placeholder: 'alice', required: true });
    this.password = input('password', { type: 'password', value: link.password, autocomplete: 'current-password', required: true });
    this.token = input('token', { type: 'password', value: link.token, autocomplete: 'off' });
    this.homeserver = input('homeserver', { value: link.homeserver || homeserver, placeholder: 'https://matrix.example.org', inputMode: 'url', required: true });
    this.remember = el('input', { type: 'checkbox', testid: 'login-remember', id: 'remember' });
    this.error = el('p', { class: 'notice bad', testid: 'login-error', role: 'alert', hidden: !error, text: error || '' });
    this.button = el('button', { type: 'submit', class: 'primary', testid: 'login-submit', text: 'Log in' });
    this.more = el('details', { open: !!link.token || !homeserver },
      el('summary', { text: 'Homeserver and token' }),
      field('Homeserver', this.homeserver),
      field('Access token', this.token, 'Instead of user and password.'));
    this.token.addEventListener('input', () => this.#needs());
    this.#needs();
    this.form = el('form', { class: 'card', testid: 'login-form', noValidate: true, onsubmit: (ev) => { ev.preventDefault(); this.#submit(onlogin); } },
      el('h1', { tabIndex: -1, text: link.recording ? 'Log in to watch' : link.room ? 'Log in to join' : 'Log in' }),
      link.room && el('p', { class: 'sub', text: link.recording ? `A recording in ${link.room}` : link.room }),
      field('User', this.user), field('Password', this.password),
      this.more,
      el('div', { class: 'check' }, this.remember, el('label', { htmlFor: 'remember', text: 'Stay logged in in this browser' })),
      this.error, this.button);
    this.root = el('div', { class: 'page narrow' },
      el('header', { class: 'brand' }, logo(), el('span', { text: 'hearth' })),
      el('main', {}, this.form,
        el('p', { class: 'foot', text: 'Calls for Matrix rooms, on your own server.' })));
  }

  #needs() {
    const token = !!this.token.value;
    this.user.required = this.password.required = !token;
  }

  async #submit(onlogin) {
    const missing = [this.user, this.password, this.homeserver].find((i) => i.required && !i.value.trim());
    if (missing) {
      this.more.open ||= missing === this.homeserver;
      this.fail('Please fill this in.');
      missing.focus();
      return;
    }
    this.busy(true);
    const message = await onlogin({
      user: this.user.value.trim(), password: this.password.value,
      token: this.token.value.trim(), homeserver: this.homeserver.value,
      remember: this.remember.checked,
    });
    this.busy(false);
    if (message) this.fail(message);
  }

  fail(message) {
    this.error.textContent = message;
    this.error.hidden = false;
  }

  busy(is) {
    this.button.disabled = is;
    this.button.textContent = is ? 'Logging in…' : 'Log in';
    if (is) this.error.hidden = true;
  }

  remove() {
    this.root.remove();
  }
}
