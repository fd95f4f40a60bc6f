using BattKomp.Lab.V1;
using Kind = BattKomp.Lab.V1.Step.Types.Kind;

namespace BattKomp.Lab.EdgeAgent.Instruments;

/// <summary>Step types as the records spell them.</summary>
public static class TypesOfSteps
{
    /// <summary>BDF step type of a kind.</summary>
    public static string Of(Kind kind) => kind switch
    {
        Kind.Rest => "REST",
        Kind.CcDischarge => "CC_DCH",
        Kind.CpDischarge => "CP_DCHG",
        Kind.CcCharge => "CC_CHG",
        Kind.CccvCharge => "CCCV_CHG",
        Kind.CpCharge => "CP_CHG",
        Kind.Cv => "CV",
        Kind.Eis => "EIS",
        Kind.Temperature => "TEMPERATURE",
        _ => kind.ToString().ToUpperInvariant(),
    };
}
