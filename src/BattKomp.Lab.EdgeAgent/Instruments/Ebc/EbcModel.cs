using BattKomp.Lab.V1;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.EdgeAgent.Instruments.Ebc;

/// <summary>A model of the family, and what it can bear; README.md says where the figures come from.</summary>
/// <param name="Name">As printed on it.</param>
/// <param name="MaxDischarge">A.</param>
/// <param name="MaxCharge">A.</param>
public sealed record EbcModel(string Name, double MaxDischarge, double MaxCharge)
{
    /// <summary>The model of a report's last byte; null when not known.</summary>
    public static EbcModel? Of(byte code) => code switch
    {
        0x05 => new EbcModel("EBC-A05", 5, 2),
        0x06 => new EbcModel("EBC-A10H", 10, 5),
        0x09 => new EbcModel("EBC-A20", 20, 5),
        _ => null,
    };

    /// <summary>Why this model cannot do a step that another of the family can; null when it can. A power draws the most current at the cut-off voltage.</summary>
    public string? Fault(Step step)
    {
        var (ampere, highest) = step.Kind switch
        {
            Kind.CccvCharge => (step.Ampere, MaxCharge),
            Kind.CpDischarge => (step.Watt / step.Volt, MaxDischarge),
            _ => (step.Ampere, MaxDischarge),
        };
        return ampere <= highest ? null : $"{ampere:0.###} A; the {Name} bears {highest} A {(step.Kind == Kind.CccvCharge ? "of charge" : "of discharge")}";
    }
}
