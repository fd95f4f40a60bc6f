using BattKomp.Lab.Domain.Bookings;
using BattKomp.Lab.Domain.Bookings.Policies;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using NodaTime;

namespace BattKomp.Lab.Server.Features.Policies;

/// <summary>Reads what a caller wrote, and policies as the rules know them.</summary>
internal static class PolicyFields
{
    private const int LongestMinutes = 366 * 24 * 60;

    /// <exception cref="LabException">FIELDS_INVALID with every mistake.</exception>
    internal static BookingPolicy Read(BookingPolicy? asked, CatalogueSnapshot catalogue, Instant now)
    {
        var policy = (asked ?? new BookingPolicy()).Clone();
        var checks = new FieldChecks();
        var scope = policy.Scope;
        var known = catalogue.Rig(scope) is not null || catalogue.Lab(scope) is not null || catalogue.OrganisationTitles.ContainsKey(scope)
            || (scope.StartsWith("nations/", StringComparison.Ordinal) && catalogue.Labs.Any(l => "nations/" + l.Country == scope));
        checks.Require(known, "policy.scope", "is no known rig, lab or organisation, nor nations/<country> of a lab.")
            .Require(policy.Cites.Length <= 300 && !policy.Cites.Any(char.IsControl), "policy.cites", "is longer than 300 characters or holds control characters.")
            .Require(policy.ActivityClasses.All(c => catalogue.HasCode("activity-class", c)), "policy.activity_classes", $"must be of {catalogue.CodesOf("activity-class")}.");
        foreach (var (name, value) in new[]
        {
            ("min_length_minutes", policy.MinLengthMinutes), ("max_length_minutes", policy.MaxLengthMinutes), ("create_notice_minutes", policy.CreateNoticeMinutes),
            ("change_notice_minutes", policy.ChangeNoticeMinutes), ("cancel_notice_minutes", policy.CancelNoticeMinutes), ("buffer_minutes", policy.BufferMinutes),
        })
            checks.Require(value is >= 0 and <= LongestMinutes, "policy." + name, $"is {value}; use 0 (says nothing) to {LongestMinutes}.");
        checks.Require(policy.HorizonDays is >= 0 and <= 3660, "policy.horizon_days", $"is {policy.HorizonDays}; use 0 (says nothing) to 3660.")
            .Require(policy.LessonPeriods.Count <= 30, "policy.lesson_periods", "are more than 30.")
            .Require(policy.LessonPeriods.All(p => p.OpensMinute >= 0 && p.OpensMinute < p.ClosesMinute && p.ClosesMinute <= 1440), "policy.lesson_periods", "must open before they close, between 0 and 1440 minutes.")
            .Require(policy.Quotas.Count <= 20, "policy.quotas", "are more than 20.").Require(policy.Pools.Count <= 10, "policy.pools", "are more than 10.");
        for (var i = 0; i < Math.Min(policy.Quotas.Count, 20); i++) Check(checks, policy.Quotas[i], $"policy.quotas[{i}]");
        for (var i = 0; i < Math.Min(policy.Pools.Count, 10); i++)
            checks.Require(System.Enum.IsDefined(policy.Pools[i].Kind) && policy.Pools[i].Kind != V1.PoolKind.Unspecified, $"policy.pools[{i}].kind", "is missing; use SEATS, WATTS or WATT_HOURS.")
                .Require(policy.Pools[i].Capacity is >= 0 and <= 1e9, $"policy.pools[{i}].capacity", "must be 0 to 1e9.");
        checks.Require(Says(policy), "policy", "asks for nothing; set at least one limit.")
            .Require(policy.EffectiveTime is null || (policy.EffectiveTime.Seconds is >= 946_684_800 and < 7_258_118_400), "policy.effective_time", "is not a time between the years 2000 and 2200.")
            .ThrowIfAny();
        policy.Name = policy.SetBy = "";
        policy.RetireTime = null;
        policy.EffectiveTime ??= BookingTimes.Stamp(now);
        return policy;
    }

    internal static bool InForce(BookingPolicy policy, Instant now) => policy.RetireTime is null && BookingTimes.Instant(policy.EffectiveTime) <= now;

    internal static PolicyLayer LayerOf(BookingPolicy p) => new(p.Scope, p.Cites, new PolicyTerms
    {
        ActivityClasses = p.ActivityClasses,
        MinLength = Minutes(p.MinLengthMinutes),
        MaxLength = Minutes(p.MaxLengthMinutes),
        Horizon = p.HorizonDays > 0 ? Duration.FromDays(p.HorizonDays) : null,
        CreateNotice = Minutes(p.CreateNoticeMinutes),
        ChangeNotice = Minutes(p.ChangeNoticeMinutes),
        CancelNotice = Minutes(p.CancelNoticeMinutes),
        Buffer = Minutes(p.BufferMinutes),
        NoCrossDay = p.NoCrossDay,
        ClosedOnPublicHolidays = p.ClosedOnPublicHolidays,
        LessonPeriods = [.. p.LessonPeriods.Select(l => new Domain.Bookings.Policies.LessonPeriod(l.OpensMinute, l.ClosesMinute))],
        Quotas = [.. p.Quotas.Select(Term)],
        Pools = [.. p.Pools.Select(x => new PoolTerm((Domain.Bookings.Policies.PoolKind)(int)x.Kind, x.Capacity))],
    });

    private static QuotaTerm Term(Quota q) => new((Domain.Bookings.Policies.QuotaSubject)(int)q.Subject, (Domain.Bookings.Policies.QuotaPeriod)(int)q.Period)
    {
        MaxCount = q.MaxCount > 0 ? q.MaxCount : null,
        MaxTime = Minutes(q.MaxMinutes),
        Counted = [.. q.Counted.Select(h => new OpenStretch((IsoDayOfWeek)h.IsoDay, h.OpensMinute, h.ClosesMinute))],
        WeekStart = q.WeekStartIsoDay is 0 ? IsoDayOfWeek.Monday : (IsoDayOfWeek)q.WeekStartIsoDay,
    };

    private static Duration? Minutes(int minutes) => minutes > 0 ? Duration.FromMinutes(minutes) : null;

    private static void Check(FieldChecks checks, Quota q, string field) => checks
        .Require(System.Enum.IsDefined(q.Subject) && q.Subject != V1.QuotaSubject.Unspecified, field + ".subject", "is missing; use PERSON, COURSE or ORGANISATION.")
        .Require(System.Enum.IsDefined(q.Period) && q.Period != V1.QuotaPeriod.Unspecified, field + ".period", "is missing; use DAY, WEEK, MONTH, YEAR or FUTURE.")
        .Require(q.MaxCount > 0 || q.MaxMinutes > 0, field, "has neither max_count nor max_minutes; set one.").Require(q.MaxCount >= 0 && q.MaxMinutes >= 0, field, "has a negative limit.")
        .Require(q.Counted.Count <= 50 && q.Counted.All(h => h.IsoDay is >= 1 and <= 7 && h.OpensMinute >= 0 && h.OpensMinute < h.ClosesMinute && h.ClosesMinute <= 1440), field + ".counted",
            "must be at most 50 stretches of days 1 to 7 that open before they close, between 0 and 1440 minutes.")
        .Require(q.WeekStartIsoDay is >= 0 and <= 7, field + ".week_start_iso_day", "must be 1 (Monday) to 7 (Sunday).");

    private static bool Says(BookingPolicy p) => p.MinLengthMinutes + p.MaxLengthMinutes + p.HorizonDays + p.CreateNoticeMinutes + p.ChangeNoticeMinutes + p.CancelNoticeMinutes + p.BufferMinutes > 0
        || p.NoCrossDay || p.ClosedOnPublicHolidays || p.LessonPeriods.Count + p.Quotas.Count + p.Pools.Count > 0;
}
