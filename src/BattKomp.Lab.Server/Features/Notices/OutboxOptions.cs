namespace BattKomp.Lab.Server.Features.Notices;

/// <summary>How notices leave the house.</summary>
public sealed class OutboxOptions
{
    /// <summary>The mail server; no host = no mail, and notices are only listed.</summary>
    public SmtpOptions Smtp { get; set; } = new();

    /// <summary>True: webhooks may go to private addresses and over plain http. For a lab's own network, and for tests.</summary>
    public bool PrivateWebhooks { get; set; }

    /// <summary>Days that notices are kept.</summary>
    public int KeepDays { get; set; } = 400;

    /// <summary>Every mistake, each naming the setting and the remedy.</summary>
    public IEnumerable<string> Mistakes()
    {
        if (KeepDays < 30) yield return $"Outbox:KeepDays {KeepDays} is too few: keep notices for 30 days or more.";
        if (Smtp.Host.Length == 0) yield break;
        if (Smtp.Port is < 1 or > 65535) yield return $"Outbox:Smtp:Port {Smtp.Port} is not a port: use 587 (starttls), 465 (tls) or 25 (none).";
        if (Smtp.Security is not ("starttls" or "tls" or "none")) yield return $"Outbox:Smtp:Security '{Smtp.Security}' is unknown: use starttls, tls or none.";
        if (Smtp.Security == "none" && Smtp.User.Length > 0) yield return "Outbox:Smtp:User would be sent in clear: use starttls or tls.";
        if (!MimeKit.MailboxAddress.TryParse(Smtp.From, out _)) yield return $"Outbox:Smtp:From '{Smtp.From}' is not an address: use battlab@lab.example.no.";
    }
}

/// <summary>A mail server.</summary>
public sealed class SmtpOptions
{
    /// <summary>Its name; empty = none.</summary>
    public string Host { get; set; } = "";

    /// <summary>Its port.</summary>
    public int Port { get; set; } = 587;

    /// <summary>"starttls" (refused if the server has none), "tls" or "none".</summary>
    public string Security { get; set; } = "starttls";

    /// <summary>Who signs in; empty = nobody.</summary>
    public string User { get; set; } = "";

    /// <summary>The password; better in the environment than in a file.</summary>
    public string Password { get; set; } = "";

    /// <summary>Sender of every mail.</summary>
    public string From { get; set; } = "";
}
