/** Calendar functions over whole Unix seconds, in UTC, in the proleptic Gregorian calendar and for any year. */

const DAY_SECONDS = 86400;

interface CivilDate {
  year: number;
  /** 1 … 12 */
  month: number;
  /** 1 … 31 */
  day: number;
}

/** What numbers that are no int64 become in Go: its least int64, which wraps around in a date. */
const NOT_A_TIME = 2 ** 63;

function validSeconds(seconds: number): number {
  return Math.abs(seconds) < 2 ** 63 ? seconds : NOT_A_TIME;
}

function secondOfDay(seconds: number): number {
  return ((validSeconds(seconds) % DAY_SECONDS) + DAY_SECONDS) % DAY_SECONDS;
}

function daysOf(seconds: number): number {
  // Rounded, since a difference far away need not be a double.
  return Math.round((validSeconds(seconds) - secondOfDay(seconds)) / DAY_SECONDS);
}

/** Days since the epoch as a date: by eras of 400 years that start on the first of March. */
function civilFromDays(days: number): CivilDate {
  const shifted = days + 719468;
  const era = Math.floor(shifted / 146097);
  const dayOfEra = shifted - era * 146097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) - Math.floor(dayOfEra / 146096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function daysInMonth({ year, month }: CivilDate): number {
  return month === 2 && isLeap(year) ? 29 : MONTH_DAYS[month - 1]!;
}

function dayOfYear(date: CivilDate): number {
  let day = date.day;
  for (let month = 1; month < date.month; month++) day += daysInMonth({ ...date, month });
  return day;
}

export const DATE_FUNCTIONS: Readonly<Record<string, (seconds: number) => number>> = {
  year: (seconds) => civilFromDays(daysOf(seconds)).year,
  month: (seconds) => civilFromDays(daysOf(seconds)).month,
  day_of_month: (seconds) => civilFromDays(daysOf(seconds)).day,
  day_of_year: (seconds) => dayOfYear(civilFromDays(daysOf(seconds))),
  days_in_month: (seconds) => daysInMonth(civilFromDays(daysOf(seconds))),
  day_of_week(seconds) {
    const days = daysOf(seconds) + 4;
    return days - Math.floor(days / 7) * 7;
  },
  hour: (seconds) => Math.floor(secondOfDay(seconds) / 3600),
  minute: (seconds) => Math.floor((secondOfDay(seconds) % 3600) / 60),
};
