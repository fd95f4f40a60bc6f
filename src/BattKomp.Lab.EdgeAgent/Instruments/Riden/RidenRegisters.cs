namespace BattKomp.Lab.EdgeAgent.Instruments.Riden;

/// <summary>Registers of Riden RD60xx supplies that are used here. 54 to 62 hold the calibration: this program never writes them.</summary>
public static class RidenRegisters
{
    /// <summary>Model number.</summary>
    public const int Id = 0;

    /// <summary>Serial number, high word, then low.</summary>
    public const int Serial = 1;

    /// <summary>Firmware × 100.</summary>
    public const int Firmware = 3;

    /// <summary>Inside temperature: sign (0 = above zero), then °C.</summary>
    public const int TemperatureSign = 4, Temperature = 5;

    /// <summary>Set voltage, set current.</summary>
    public const int SetVolt = 8, SetAmpere = 9;

    /// <summary>Measured voltage, current.</summary>
    public const int Volt = 10, Ampere = 11;

    /// <summary>1 = over-voltage, 2 = over-current protection has tripped.</summary>
    public const int Protection = 16;

    /// <summary>0 = constant voltage, 1 = constant current.</summary>
    public const int Regulation = 17;

    /// <summary>1 = output on.</summary>
    public const int Output = 18;

    /// <summary>Charge counted, mAh, high word first.</summary>
    public const int MilliampereHour = 38;

    /// <summary>Over-voltage and over-current limit of preset 0, the one in force.</summary>
    public const int OverVolt = 82, OverAmpere = 83;

    /// <summary>First and last register of the calibration.</summary>
    public const int CalibrationFirst = 54, CalibrationLast = 62;
}

/// <summary>Steps and limits of one model.</summary>
/// <param name="Name">Model.</param>
/// <param name="PerVolt">Digits per volt.</param>
/// <param name="PerAmpere">Digits per ampere.</param>
/// <param name="MaxVolt">V.</param>
/// <param name="MaxAmpere">A.</param>
public sealed record RidenModel(string Name, int PerVolt, int PerAmpere, double MaxVolt, double MaxAmpere)
{
    /// <summary>
    /// The model of an id, whose last digit is a variant; null when its scale is not known, and then nothing may be set. Variant 5 is the P series with finer
    /// scales of its own.
    /// </summary>
    public static RidenModel? Of(int id) => id % 10 == 5 ? null : (id / 10) switch
    {
        6006 => new RidenModel("RD6006", 100, 1000, 60, 6),
        6012 => new RidenModel("RD6012", 100, 100, 60, 12),
        6018 => new RidenModel("RD6018", 100, 100, 60, 18),
        _ => null,
    };
}
