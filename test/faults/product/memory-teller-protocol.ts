/** How a product is asked what it holds: by this signal. */
export const TELL_MEMORY = 'SIGUSR2';
/** The variable that names the file in which it says so. */
export const MEMORY_FILE = 'FAULTS_MEMORY_FILE';
