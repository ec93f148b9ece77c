import type { NetHttp2Limits } from './net-http2-limits.ts';
import { ConnectionFault, DEFAULT_FRAME_SIZE, ErrorCode, MAX_FRAME_SIZE, MAX_WINDOW, Setting } from './protocol.ts';

/** An identifier and a value. */
export const SETTING_LENGTH = 6;

/** What a client's SETTINGS frame changes for the server, as far as it matters here. */
export interface ClientSettings {
  /** The smallest that the frame names: using less than allowed is always right. */
  readonly tableSize: number | undefined;
  readonly streamWindow: number | undefined;
  readonly maxFrame: number | undefined;
}

/**
 * Reads a SETTINGS frame. Of a setting that it names several times the last counts (RFC 9113, section 6.5.3).
 * @throws ConnectionFault for a value that a setting cannot have
 */
export function clientSettingsFrom(bytes: Uint8Array, start: number, end: number): ClientSettings {
  let tableSize: number | undefined;
  let streamWindow: number | undefined;
  let maxFrame: number | undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = start; at < end; at += SETTING_LENGTH) {
    const value = view.getUint32(at + 2);
    switch (view.getUint16(at)) {
      case Setting.HEADER_TABLE_SIZE:
        tableSize = Math.min(value, tableSize ?? value);
        break;
      case Setting.ENABLE_PUSH:
        if (value > 1) throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, 'ENABLE_PUSH is neither 0 nor 1');
        break;
      case Setting.INITIAL_WINDOW_SIZE:
        if (value > MAX_WINDOW) throw new ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, 'a window is too large');
        streamWindow = value;
        break;
      case Setting.MAX_FRAME_SIZE:
        if (value < DEFAULT_FRAME_SIZE || value > MAX_FRAME_SIZE) {
          throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, 'a frame size is out of range');
        }
        maxFrame = value;
        break;
      default:
    }
  }
  return { tableSize, streamWindow, maxFrame };
}

/** Payload of the server's own SETTINGS frame. */
export function settingsPayload(maxConcurrentStreams: number, limits: NetHttp2Limits): Buffer {
  const settings: readonly (readonly [setting: number, value: number])[] = [
    [Setting.MAX_CONCURRENT_STREAMS, maxConcurrentStreams],
    [Setting.INITIAL_WINDOW_SIZE, limits.streamWindow],
    [Setting.MAX_HEADER_LIST_SIZE, limits.maxHeaderBytes],
  ];
  const payload = Buffer.alloc(settings.length * SETTING_LENGTH);
  for (const [at, [setting, value]] of settings.entries()) {
    payload.writeUInt16BE(setting, at * SETTING_LENGTH);
    payload.writeUInt32BE(value, at * SETTING_LENGTH + 2);
  }
  return payload;
}
