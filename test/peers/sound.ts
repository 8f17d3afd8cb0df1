import { readFileSync, writeFileSync } from 'node:fs';

const RATE = 8000;

/** Writes a sine tone as 16-bit mono WAV, 8 kHz. */
export function writeTone(path: string, hertz: number, seconds: number): void {
  const samples = RATE * seconds;
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(RATE, 24);
  wav.writeUInt32LE(RATE * 2, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (let i = 0; i < samples; i++)
    wav.writeInt16LE(Math.round(12_000 * Math.sin((2 * Math.PI * hertz * i) / RATE)), 44 + i * 2);
  writeFileSync(path, wav);
}

/** The frequency of the loud part of a recording, by counting zero crossings; 0 when there is only silence. */
export function heardHertz(path: string): number {
  const wav = readFileSync(path);
  const rate = wav.readUInt32LE(24);
  const channels = wav.readUInt16LE(22);
  const samples: number[] = [];
  for (let at = 44; at + 1 < wav.length; at += 2 * channels) samples.push(wav.readInt16LE(at));
  let crossings = 0;
  let loud = 0;
  for (let i = 1; i < samples.length; i++) {
    const window = Math.abs(samples[i] ?? 0) + Math.abs(samples[i - 1] ?? 0);
    if (window < 200) continue;
    loud++;
    if ((samples[i - 1] ?? 0) < 0 !== (samples[i] ?? 0) < 0) crossings++;
  }
  // Samples near zero are not counted as loud but their crossings matter little to the ratio.
  return loud < rate / 4 ? 0 : countedHertz(samples, rate, crossings);
}

function countedHertz(samples: number[], rate: number, fallback: number): number {
  const first = samples.findIndex((sample) => Math.abs(sample) > 2000);
  const last = samples.findLastIndex((sample) => Math.abs(sample) > 2000);
  if (first < 0 || last - first < rate / 4) return fallback;
  let crossings = 0;
  for (let i = first + 1; i <= last; i++)
    if ((samples[i - 1] ?? 0) < 0 !== (samples[i] ?? 0) < 0) crossings++;
  return Math.round((crossings * rate) / (2 * (last - first)));
}
