// Made-up participants for the page that shows what the client looks like.
const NAMES = ['Bob Marsh', 'Carol Nguyen', 'Dao Anh', 'Émile Roux', 'Fatima El-Amin',
  'Grace O’Neill', 'Hiro', 'Ines Duarte', 'Jonas Berg', 'Kofi', 'Lena Maria Hohenstein-Wittelsbach',
  'Mats', 'Noor', 'Olga', 'Pedro', 'Quinn'];
const FLAME = ['#7a3b1e', '#2f4d5f', '#4b5f2f', '#5f2f4d', '#3d3d6b', '#6b5a2a'];

export function picture(n, screen) {
  const c = document.createElement('canvas');
  [c.width, c.height] = screen ? [1600, 900] : [640, 480];
  const g = c.getContext('2d');
  let t = 0;
  const draw = () => {
    t++;
    if (screen) drawScreen(g, t);
    else drawFace(g, n, t);
  };
  draw();
  setInterval(draw, 100);
  return c.captureStream(10);
}

function drawFace(g, n, t) {
  const grad = g.createLinearGradient(0, 0, 640, 480);
  grad.addColorStop(0, FLAME[n % FLAME.length]);
  grad.addColorStop(1, '#15100d');
  g.fillStyle = grad;
  g.fillRect(0, 0, 640, 480);
  g.fillStyle = '#d9b08c';
  g.beginPath();
  g.arc(320, 210 + 4 * Math.sin(t / 6), 92, 0, 7);
  g.fill();
  g.fillStyle = '#3b4a58';
  g.beginPath();
  g.ellipse(320, 470, 190, 160, 0, 0, 7);
  g.fill();
}

function drawScreen(g, t) {
  g.fillStyle = '#f4f1ec';
  g.fillRect(0, 0, 1600, 900);
  g.fillStyle = '#29313b';
  g.fillRect(0, 0, 1600, 60);
  g.font = '28px sans-serif';
  for (let i = 0; i < 14; i++) {
    g.fillStyle = i === t % 14 ? '#ffd9a8' : '#d8d2c8';
    g.fillRect(120, 130 + i * 50, 400 + ((i * 137) % 800), 22);
  }
}

export function people(n) {
  return Array.from({ length: n }, (_, i) => {
    const user = `@${NAMES[i % NAMES.length].split(' ')[0].toLowerCase()}:example.org`;
    return { id: `${user} DEV${i}`, user_id: user, device_id: `DEV${i}`, display_name: NAMES[i % NAMES.length], you: false };
  });
}
