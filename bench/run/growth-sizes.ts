/** Sizes of the requests whose cost is compared. */
export const growthEntities = [1, 10, 100, 500] as const;
export const growthFeatures = [3, 50, 250] as const;
