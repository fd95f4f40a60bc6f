namespace BattKomp.Lab.BatteryData.Importers.Neware;

/// <summary>The tester's step names as BDF step types, and the direction that each stands for.</summary>
internal static class NewareStepType
{
    private static readonly Dictionary<string, string> Codes = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Rest"] = "REST",
        ["CC Chg"] = "CC_CHG",
        ["CC DChg"] = "CC_DCH",
        ["CV Chg"] = "CV_CHG",
        ["CV DChg"] = "CV_DCH",
        ["CCCV Chg"] = "CCCV_CHG",
        ["CC-CV Chg"] = "CCCV_CHG",
        ["CCCV DChg"] = "CCCV_DCH",
        ["CC-CV DChg"] = "CCCV_DCH",
        ["CP Chg"] = "CP_CHG",
        ["CP DChg"] = "CP_DCH",
        ["CPCV Chg"] = "CPCV_CHG",
        ["CPCV DChg"] = "CPCV_DCH",
        ["CR DChg"] = "CR_DCH",
        ["Pause"] = "PAUSE",
    };

    /// <summary>The BDF code, or the tester's own name when there is none.</summary>
    public static string ToBdf(string name, out bool known)
    {
        known = Codes.TryGetValue(name.Trim(), out var code);
        return code ?? name.Trim();
    }

    /// <summary>+1 charges, −1 discharges, 0 neither or unknown.</summary>
    public static int Direction(string name)
    {
        if (name.Contains("DChg", StringComparison.OrdinalIgnoreCase) || name.Contains("Discharge", StringComparison.OrdinalIgnoreCase)) return -1;
        return name.Contains("Chg", StringComparison.OrdinalIgnoreCase) || name.Contains("Charge", StringComparison.OrdinalIgnoreCase) ? 1 : 0;
    }
}
