namespace BattKomp.Lab.Server.Features.Runs;

/// <summary>How leases and runs are timed, as settings (<c>Runs:SweepSeconds</c> and so on); all in machine time.</summary>
public sealed class RunOptions
{
    /// <summary>How often the clock's work is looked for; 0 = never (tests call the sweeps themselves).</summary>
    public double SweepSeconds { get; set; } = 1;

    /// <summary>How long before its booking starts a lease is issued.</summary>
    public double LeaseLeadSeconds { get; set; } = 2;

    /// <summary>Stated in every lease: a step that cannot be shown to end this long before the window's end is not started.</summary>
    public double LeaseBufferSeconds { get; set; } = 2;

    /// <summary>How long the account of an ended run must stay complete and unchanged before the run is final.</summary>
    public double SettleSeconds { get; set; } = 2;

    /// <summary>How long after its end a run waits for missing records before it is final with the gaps listed, and after its lease's end for an agent that is silent.</summary>
    public double GraceSeconds { get; set; } = 600;

    /// <summary>Every mistake at once, each naming the setting and the remedy.</summary>
    public IEnumerable<string> Mistakes()
    {
        foreach (var (name, value) in new[]
        {
            (nameof(SweepSeconds), SweepSeconds), (nameof(LeaseLeadSeconds), LeaseLeadSeconds), (nameof(LeaseBufferSeconds), LeaseBufferSeconds),
            (nameof(SettleSeconds), SettleSeconds), (nameof(GraceSeconds), GraceSeconds),
        })
            if (!(value >= 0) || value > 86400) yield return $"Runs:{name} is {value}: use 0 to 86400 seconds.";
    }
}
