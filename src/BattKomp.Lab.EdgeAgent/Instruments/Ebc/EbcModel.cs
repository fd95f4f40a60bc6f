namespace BattKomp.Lab.EdgeAgent.Instruments.Ebc;

/// <summary>A model of the family.</summary>
/// <param name="Name">As printed on it.</param>
/// <param name="MaxDischarge">A.</param>
/// <param name="MaxCharge">A.</param>
public sealed record EbcModel(string Name, double MaxDischarge, double MaxCharge)
{
    /// <summary>The model of a report's last byte; null when not known.</summary>
    public static EbcModel? Of(byte code) => code switch
    {
        0x05 => new EbcModel("EBC-A05", 5, 5),
        0x06 => new EbcModel("EBC-A10H", 10, 5),
        0x09 => new EbcModel("EBC-A20", 20, 5),
        _ => null,
    };
}
