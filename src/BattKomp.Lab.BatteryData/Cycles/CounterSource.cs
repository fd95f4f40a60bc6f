using BattKomp.Lab.BatteryData.Bdf;

namespace BattKomp.Lab.BatteryData;

/// <summary>The instrument's counters of one quantity in a table: which columns, and what their names declare.</summary>
/// <param name="Scope">When they start again.</param>
/// <param name="Kind"><see cref="CounterKind.Charging"/> stands for the pair charging and discharging.</param>
/// <param name="First">The charging counter, or the only one.</param>
/// <param name="Second">The discharging counter of a pair.</param>
internal sealed record CounterSource(ResetScope Scope, CounterKind Kind, double[] First, double[]? Second)
{
    // The narrowest scope first: it forgets an error soonest. A pair states both directions, throughput and net must be split.
    private static readonly ResetScope[] Scopes = [ResetScope.Step, ResetScope.Cycle, ResetScope.Test, ResetScope.Schedule];

    /// <summary>The best counters that the table has for charge (Ah) or energy (Wh), or null.</summary>
    public static CounterSource? Find(RecordTable table, bool energy)
    {
        foreach (var scope in Scopes)
        {
            if (Values(table, scope, CounterKind.Charging, energy) is { } charging && Values(table, scope, CounterKind.Discharging, energy) is { } discharging)
                return new CounterSource(scope, CounterKind.Charging, charging, discharging);
        }

        foreach (var kind in (CounterKind[])[CounterKind.Cumulative, CounterKind.Net])
        {
            foreach (var scope in Scopes)
                if (Values(table, scope, kind, energy) is { } values) return new CounterSource(scope, kind, values, null);
        }

        return null;
    }

    private static double[]? Values(RecordTable table, ResetScope scope, CounterKind kind, bool energy)
    {
        var counter = new BdfCounter(scope, kind, energy);
        foreach (var term in BdfTerms.All)
        {
            if (term.Counter != counter) continue;
            var values = table.Numbers(term.Name) ?? BdfTerms.All.Where(t => t.ReplacedBy == term.Name).Select(t => table.Numbers(t.Name)).FirstOrDefault(v => v is not null);
            return values is not null && values.Any(v => !double.IsNaN(v)) ? values : null;
        }

        return null;
    }
}
