import { InvalidArgumentError } from 'commander';
import type { Io } from './io.ts';
import type { ProjectLocation } from './project-config.ts';

/** Options that every command takes. */
export interface GlobalOptions extends ProjectLocation {
  readonly verbose?: boolean;
}

/** What a command gets from the program that it belongs to. */
export interface CommandContext {
  readonly io: Io;
  readonly globals: () => GlobalOptions;
  /** Sets the exit code of a command that did its work and yet does not end with 0. */
  readonly exitWith: (code: number) => void;
}

/** For options that take a whole number. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
  };
}
