namespace BattKomp.Lab.EdgeAgent.Instruments.Scpi;

/// <summary>Error codes of the GENESYS language.</summary>
public static class GenesysError
{
    /// <summary>A code in words.</summary>
    public static string Meaning(string code) => code switch
    {
        "E01" => "programmed voltage above its range or above over-voltage protection",
        "E02" => "programmed voltage below under-voltage limit",
        "E04" => "over-voltage protection below its range",
        "E06" => "under-voltage limit above programmed voltage",
        "E07" => "output on during a fault shutdown",
        "E08" => "not possible as an advanced slave",
        "C01" => "illegal command or query",
        "C02" => "missing parameter",
        "C03" => "illegal parameter",
        "C04" => "wrong sum",
        "C05" => "setting out of range",
        _ => "refused",
    };
}
