// The names on both sides of a test.

export const ISSUER = "https://issuer.example";
export const AUDIENCE = "https://app.example";
